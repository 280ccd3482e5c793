// Real LocalStack 4.14.0, the last that needs no token: in a container where there is a Docker engine, otherwise from PyPI as a
// process of this machine, with the same settings. It does not stream responses; ECR and Auto Scaling answer 501.
import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../e2e/cluster.ts';
import { ensureJars } from './dynamodb-local.ts';
import { type Emulator, type Program, region, root, startProgram } from './emulator.ts';
import { containerLacks, containerProgram, dockerAnswers, imageFor } from './localstack-container.ts';
import { settings } from './localstack-settings.ts';
import { findPython, virtualEnvironment } from './python.ts';
import { awsJson } from './requests.ts';

const version = '4.14.0';
/** On 3.11 some of its services fail. */
const pythonVersion = '3.13';
/** Later versions of some packages that it uses break it. */
const packagesUntil = '2026-03-01';

const image = imageFor(version);
const tell = (what: string): void => console.error(what);

let containerAsked: Promise<string | undefined> | undefined;
const noContainer = (): Promise<string | undefined> => (containerAsked ??= containerLacks(image, tell));

/** Why it cannot run on this machine; undefined when it can. */
export async function localstackLacks(): Promise<string | undefined> {
  const lacks = await noContainer();
  if (!lacks || (await findPython(pythonVersion))) return undefined;
  return `LocalStack needs a Docker engine (${lacks}), or Python ${pythonVersion} (pyenv install ${pythonVersion})`;
}

export interface StartOptions {
  /** On 127.0.0.1; a free one if absent. */
  port?: number;
  onInstall?: (what: string) => void;
}

/** Where Docker is there and of no use, says why, and goes the other way. */
export async function startLocalStack(options: StartOptions = {}): Promise<Emulator> {
  const port = options.port ?? (await freePort());
  const lacks = await noContainer();
  if (!lacks) {
    try {
      return await start(port, (folder) => containerProgram(image, { port, folder }));
    } catch (error) {
      if (!(await findPython(pythonVersion))) throw error;
      tell(`LocalStack does not start in a container, and is taken from PyPI: ${(error as Error).message}`);
    }
  } else if (await dockerAnswers()) tell(`${lacks}: LocalStack is taken from PyPI`);
  const inside = await installed(options);
  return await start(port, (folder) => ({
    command: inside,
    args: ['-m', 'localstack.runtime.main'],
    folder,
    env: { ...process.env, ...settings({ port, folder, path: process.env['PATH'] ?? '' }) },
  }));
}

/** Python with LocalStack. */
async function installed({ onInstall }: StartOptions): Promise<string> {
  const python = await findPython(pythonVersion);
  if (!python) throw new Error((await localstackLacks())!);
  return await virtualEnvironment({
    name: `localstack-${version}`,
    python,
    packages: [`localstack-core[base-runtime,runtime]==${version}`],
    excludeNewer: packagesUntil,
    onInstall,
  });
}

async function start(port: number, program: (folder: string) => Program): Promise<Emulator> {
  const endpoint = `http://127.0.0.1:${port}`;
  const folder = mkdtempSync(join(tmpdir(), 'slipway-localstack-'));
  installDynamoDb(join(folder, 'var/lib/localstack/lib'), await ensureJars());
  const started = await startProgram(program(folder), endpoint, async () => {
    // DynamoDB Local takes its time to start; a creation that meanwhile times out is tried again and finds its own table.
    await awsJson(endpoint, region)('DynamoDB_20120810.ListTables', {});
  });
  return { name: 'localstack', endpoint, streams: false, ...started };
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
