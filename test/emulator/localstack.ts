// Real LocalStack 4.14.0, the last that needs no token: in a container where there is a Docker engine, otherwise from PyPI with
// functions, and DynamoDB Local, as processes of this machine. It does not stream responses; ECR and Auto Scaling answer 501.
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run, runOrFail } from '../../local/run.ts';
import { freePort } from '../e2e/cluster.ts';
import { ensureJars } from './dynamodb-local.ts';
import { cacheFolder, type Emulator, emulatorEnvironment, region, root, startProgram } from './emulator.ts';
import { findPython, virtualEnvironment } from './python.ts';
import { awsJson } from './requests.ts';

const version = '4.14.0';
/** On 3.11 some of its services fail. */
const pythonVersion = '3.13';
/** Later versions of some packages that it uses break it. */
const packagesUntil = '2026-03-01';
const plugin = join(root, 'test/emulator/localstack-plugin');
/** As in the plugin's pyproject.toml. */
const pluginVersion = 3;
const composeFile = join(root, 'test/emulator/compose.yaml');

const dockerAnswers = async (): Promise<boolean> => (await run('docker', ['info']).catch(() => undefined))?.code === 0;

/** Why it cannot run on this machine; undefined when it can. */
export async function localstackLacks(): Promise<string | undefined> {
  if ((await dockerAnswers()) || (await findPython(pythonVersion))) return undefined;
  return `LocalStack needs a Docker engine, or Python ${pythonVersion} (pyenv install ${pythonVersion})`;
}

export interface StartOptions {
  /** On 127.0.0.1; a free one if absent. */
  port?: number;
  onInstall?: (what: string) => void;
}

export async function startLocalStack(options: StartOptions = {}): Promise<Emulator> {
  const port = options.port ?? (await freePort());
  const endpoint = `http://127.0.0.1:${port}`;
  const started = (await dockerAnswers()) ? await inContainer(port) : await asProcess(port, endpoint, options);
  return { name: 'localstack', endpoint, streams: false, ...started };
}

async function inContainer(port: number): Promise<Pick<Emulator, 'stop'>> {
  const env = { ...process.env, SLIPWAY_EMULATOR_PORT: String(port) };
  const compose = (...args: string[]): Promise<string> =>
    runOrFail('docker', ['compose', '-f', composeFile, '-p', `slipway-${port}`, ...args], { env });
  await compose('up', '--detach', '--wait');
  return { stop: async () => void (await compose('down', '--volumes', '--timeout', '5')) };
}

async function asProcess(port: number, endpoint: string, { onInstall }: StartOptions): Promise<Pick<Emulator, 'stop'>> {
  const python = await findPython(pythonVersion);
  if (!python) throw new Error((await localstackLacks())!);
  const inside = await virtualEnvironment({
    name: `localstack-${version}-${pluginVersion}`,
    python,
    packages: [`localstack-core[base-runtime,runtime]==${version}`, pluginCopy()],
    excludeNewer: packagesUntil,
    onInstall,
  });
  const folder = mkdtempSync(join(tmpdir(), 'slipway-localstack-'));
  installDynamoDb(join(folder, 'var/lib/localstack/lib'), await ensureJars());
  const env = { ...process.env, ...emulatorEnvironment(endpoint), ...settings(port, folder) };
  const program = { command: inside, args: ['-m', 'localstack.runtime.main'], folder, env };
  return await startProgram(program, endpoint, async () => {
    // DynamoDB Local takes its time to start; a creation that meanwhile times out is tried again and finds its own table.
    await awsJson(endpoint, region)('DynamoDB_20120810.ListTables', {});
  });
}

/** Where building it may leave its traces. */
function pluginCopy(): string {
  const copy = join(cacheFolder, 'localstack-plugin');
  rmSync(copy, { recursive: true, force: true });
  cpSync(plugin, copy, { recursive: true });
  return copy;
}

/** What LocalStack would download: a Java, which is a program of ours, and a file that says that DynamoDB Local is there. */
function installDynamoDb(libraries: string, jars: string): void {
  const java = join(libraries, 'java/21/bin');
  const local = join(libraries, 'dynamodb-local/2');
  for (const folder of [java, local]) mkdirSync(folder, { recursive: true });
  writeFileSync(join(local, 'DynamoDBLocal.jar'), '');
  const program = join(root, 'test/emulator/dynamodb-java.ts');
  writeFileSync(
    join(java, 'java'),
    `#!/bin/sh\nexec setpriv --pdeathsig KILL '${process.execPath}' '${program}' '${jars}' "$@"\n`,
  );
  chmodSync(join(java, 'java'), 0o755);
}

function settings(port: number, folder: string): Record<string, string> {
  return {
    // The usual server of its gateway listens on every address.
    GATEWAY_LISTEN: `127.0.0.1:${port}`,
    GATEWAY_SERVER: 'hypercorn',
    // In URLs that it hands out: its usual name is asked of a name server somewhere.
    LOCALSTACK_HOST: `localhost:${port}`,
    FILESYSTEM_ROOT: folder,
    // The code of functions is unpacked there, and left.
    TMPDIR: folder,
    OVERRIDE_IN_DOCKER: '0',
    DNS_ADDRESS: '0',
    DISABLE_EVENTS: '1',
    SKIP_SSL_CERT_DOWNLOAD: '1',
    SQS_ENDPOINT_STRATEGY: 'path',
    EAGER_SERVICE_LOADING: '0',
    PROVIDER_OVERRIDE_DYNAMODB: 'v2',
    PROVIDER_OVERRIDE_DYNAMODBSTREAMS: 'v2',
    DYNAMODB_IN_MEMORY: '1',
    LAMBDA_EVENT_SOURCE_MAPPING_POLL_INTERVAL_SEC: '0.03',
    LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_EMPTY_POLL_SEC: '0.05',
    LAMBDA_RUNTIME_EXECUTOR: 'slipway-processes',
    LAMBDA_LIMITS_CONCURRENT_EXECUTIONS: '200',
    SLIPWAY_NODE: process.execPath,
    SLIPWAY_FUNCTION_HOST: join(root, 'test/emulator/runtime/localstack.ts'),
    SLIPWAY_PATH: process.env['PATH'] ?? '',
    PYTHONPYCACHEPREFIX: join(cacheFolder, 'pycache'),
  };
}
