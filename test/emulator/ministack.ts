// MiniStack 1.5.6: functions as processes, streamed responses, ECR. It does not enforce IAM, and its Auto Scaling groups start nothing.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { freePort } from '../e2e/cluster.ts';
import { cacheFolder, type Emulator, emulatorEnvironment, root, startProgram } from './emulator.ts';
import { findPython, virtualEnvironment } from './python.ts';

const version = '1.5.6';
/** Those that it was seen to run on. */
const pythons = ['3.11', '3.12', '3.13'];

/** Why it cannot run on this machine; undefined when it can. */
export async function ministackLacks(): Promise<string | undefined> {
  return (await python()) ? undefined : `MiniStack needs Python ${pythons.join(' or ')} with its venv module`;
}

async function python(): Promise<string | undefined> {
  for (const one of pythons) {
    const found = await findPython(one);
    if (found) return found;
  }
  return undefined;
}

export async function startMiniStack(
  options: { port?: number; onInstall?: (what: string) => void } = {},
): Promise<Emulator> {
  const found = await python();
  if (!found) throw new Error((await ministackLacks())!);
  const inside = await virtualEnvironment({
    name: `ministack-${version}`,
    python: found,
    packages: [`ministack==${version}`],
    onInstall: options.onInstall,
  });
  const port = options.port ?? (await freePort());
  const endpoint = `http://127.0.0.1:${port}`;
  const folder = mkdtempSync(join(tmpdir(), 'slipway-ministack-'));
  const program = {
    command: inside,
    args: [join(root, 'test/emulator/ministack/start.py')],
    folder,
    env: {
      ...process.env,
      ...emulatorEnvironment(endpoint),
      // Functions run under the first `node` in the path.
      PATH: [dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter),
      SLIPWAY_FUNCTION_HOST: join(root, 'test/emulator/runtime/ministack.ts'),
      // The code of functions is unpacked there, and left.
      TMPDIR: folder,
      PYTHONPYCACHEPREFIX: join(cacheFolder, 'pycache'),
      GATEWAY_PORT: String(port),
      BIND_HOST: '127.0.0.1',
      IOT_MTLS_ENABLED: '0',
      SFTP_ENABLED: '0',
    },
  };
  return { name: 'ministack', endpoint, streams: true, ...(await startProgram(program, endpoint)) };
}
