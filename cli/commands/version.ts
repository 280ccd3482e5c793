// slipway version
import { containerdVersion } from '../../local/cluster/status.ts';
import { run } from '../../local/run.ts';
import { kubernetesVersion, slipwayVersion } from '../versions.ts';

export async function versionCommand(options: { json?: boolean }): Promise<void> {
  const runc = await run('runc', ['--version']).catch(() => undefined);
  const versions = {
    slipway: slipwayVersion(),
    kubernetes: kubernetesVersion,
    node: process.version,
    containerd: (await containerdVersion()) || 'not installed',
    runc: runc?.stdout.split('\n')[0]?.split(' ').at(-1) || 'not installed',
  };
  if (options.json) process.stdout.write(`${JSON.stringify(versions, null, 2)}\n`);
  else for (const [name, version] of Object.entries(versions)) process.stdout.write(`${name.padEnd(12)} ${version}\n`);
}
