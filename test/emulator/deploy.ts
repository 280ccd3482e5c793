// Deploys the CDK app to an emulator, unchanged, by the CDK's own command line, and takes it away again.
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunResult, run } from '../../local/run.ts';
import { type Emulator, emulatorEnvironment, root } from './emulator.ts';

const cdkProgram = join(root, 'node_modules/aws-cdk/bin/cdk');

export interface Deployment {
  emulator: Pick<Emulator, 'endpoint' | 'streams'>;
  /** Of the stack, and so of the cluster. */
  name: string;
  /** For the assembly and the CDK's own files; made if it is missing. */
  folder: string;
  /** More of properties.ts. */
  context?: Readonly<Record<string, string>>;
}

/** The CDK's command line in the assembly's folder; what it looks up or reports at its maker's is switched off. */
export async function cdk({ emulator, folder }: Deployment, ...args: string[]): Promise<RunResult> {
  mkdirSync(folder, { recursive: true });
  const env = {
    ...process.env,
    ...emulatorEnvironment(emulator.endpoint),
    CDK_DISABLE_CLI_TELEMETRY: 'true',
    CDK_DISABLE_VERSION_CHECK: 'true',
    NO_COLOR: '1',
  };
  return await run(process.execPath, [cdkProgram, ...args, '--no-notices', '--ci'], { env, cwd: folder });
}

async function cdkOrFail(deployment: Deployment, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await cdk(deployment, ...args);
  if (code !== 0)
    throw new Error(`cdk ${args[0]}: exit code ${code}\n${stdout.slice(-4_000)}\n${stderr.slice(-4_000)}`);
  return stdout;
}

const assembly = (deployment: Deployment): string => join(deployment.folder, 'cdk.out');

/** The assembly in `folder`, by the app as cdk.json runs it. */
export async function synthesise(deployment: Deployment): Promise<void> {
  const { name, emulator, context } = deployment;
  const given = { stack: name, responses: emulator.streams ? 'stream' : 'buffer', removal: 'destroy', ...context };
  const { context: usual } = JSON.parse(readFileSync(join(root, 'cdk.json'), 'utf8')) as { context: object };
  rmSync(assembly(deployment), { recursive: true, force: true });
  const { code, stderr } = await run(process.execPath, [join(root, 'infra/app.ts')], {
    cwd: root,
    env: {
      ...process.env,
      CDK_OUTDIR: assembly(deployment),
      CDK_CONTEXT_JSON: JSON.stringify({ ...usual, ...given }),
    },
  });
  if (code !== 0) throw new Error(`the CDK app: exit code ${code}\n${stderr.slice(-4_000)}`);
}

/** What every account needs once. From a folder that has no app: the command would synthesise it. */
export const bootstrap = (deployment: Deployment): Promise<string> =>
  cdkOrFail({ ...deployment, folder: tmpdir() }, 'bootstrap', 'aws://000000000000/us-east-1');

/** Deploys what was synthesised; says whether anything changed. */
export async function deploy(deployment: Deployment): Promise<'changed' | 'unchanged'> {
  const args = ['--app', assembly(deployment), '--method=direct', '--require-approval', 'never'];
  const said = await cdkOrFail(deployment, 'deploy', ...args);
  return /\(no changes\)/.test(said) ? 'unchanged' : 'changed';
}

export const destroy = (deployment: Deployment): Promise<string> =>
  cdkOrFail(deployment, 'destroy', '--app', assembly(deployment), '--force');
