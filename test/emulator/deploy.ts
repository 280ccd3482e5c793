// Deploys the CDK app to an emulator, unchanged, by the CDK's own command line, and takes it away again.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunResult, run } from '../../local/run.ts';
import { account, type Emulator, emulatorEnvironment, region, root } from './emulator.ts';
import { assumeRole } from './instance-metadata.ts';

const cdkProgram = join(root, 'node_modules/aws-cdk/bin/cdk');

export interface Deployment {
  emulator: Pick<Emulator, 'endpoint' | 'streams'>;
  /** Of the stack, and so of the cluster. */
  name: string;
  /** ARN. */
  adminRole: string;
  /** The home of whoever deploys: for the assembly and the CDK's own files; made if it is missing. */
  folder: string;
}

/**
 * For the CDK's command line: what differs on an emulator stands where a person keeps settings for every app, so that the commands are
 * the same. What it would look up or report at its maker's is switched off. Nobody is there to answer a question: the answer is yes.
 */
function cdkEnvironment({ emulator, folder }: Pick<Deployment, 'emulator' | 'folder'>): NodeJS.ProcessEnv {
  const settings = {
    output: join(folder, 'cdk.out'),
    notices: false,
    context: { responses: emulator.streams ? 'stream' : 'buffer', removal: 'destroy' },
  };
  mkdirSync(folder, { recursive: true });
  const file = join(folder, '.cdk.json');
  // Once: a command may be reading it.
  if (!existsSync(file)) writeFileSync(file, JSON.stringify(settings));
  return {
    ...process.env,
    ...emulatorEnvironment(emulator.endpoint),
    HOME: folder,
    CDK_YES: 'true',
    // The CDK's own look at the template takes longer than all the rest; infra/stack.test.ts looks at it as well.
    CDK_VALIDATION: 'false',
    CDK_DISABLE_CLI_TELEMETRY: 'true',
    CDK_DISABLE_VERSION_CHECK: 'true',
    NO_COLOR: '1',
  };
}

/** Environment of a person's programs, whose identity is a session of a role; everything of theirs is in `folder`. */
export async function personEnvironment(emulator: Emulator, folder: string, role: string): Promise<NodeJS.ProcessEnv> {
  const credentials = await assumeRole(emulator.endpoint, role, 'ann', region);
  return {
    ...cdkEnvironment({ emulator, folder }),
    AWS_ACCESS_KEY_ID: credentials.AccessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.SecretAccessKey,
    AWS_SESSION_TOKEN: credentials.Token,
    KUBECONFIG: join(folder, 'kubeconfig'),
    SLIPWAY_HOME: join(folder, 'slipway'),
  };
}

async function cdk(deployment: Deployment, args: string[], cwd = root): Promise<RunResult> {
  const result = await run(process.execPath, [cdkProgram, ...args], { env: cdkEnvironment(deployment), cwd });
  const { code, stdout, stderr } = result;
  if (code !== 0)
    throw new Error(`cdk ${args[0]}: exit code ${code}\n${stdout.slice(-4_000)}\n${stderr.slice(-4_000)}`);
  return result;
}

/** What every account needs once. From a folder that has no app: the command would synthesise it. */
export const bootstrap = (deployment: Deployment): Promise<RunResult> =>
  cdk(deployment, ['bootstrap', `aws://${account}/${region}`], tmpdir());

export const deploy = (deployment: Deployment): Promise<RunResult> =>
  cdk(deployment, ['deploy', '-c', `stack=${deployment.name}`, '-c', `adminRole=${deployment.adminRole}`]);

export const destroy = (deployment: Deployment): Promise<RunResult> =>
  cdk(deployment, ['destroy', '-c', `stack=${deployment.name}`]);
