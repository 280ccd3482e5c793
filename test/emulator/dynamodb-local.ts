// AWS's own DynamoDB Local, in memory: fetched once by its Maven coordinates, started for a suite, ended with it.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/DynamoDBLocal.html
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CreateTableCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { tableDefinitions } from '../../aws/dynamo/tables.ts';
import { installPackages } from '../../local/install/debian.ts';
import { run, runOrFail } from '../../local/run.ts';

const version = '3.1.0';
const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = join(root, '.cache', 'dynamodb-local', version);
const ownNetwork = fileURLToPath(new URL('own-network.ts', import.meta.url));
/** In the server's own network namespace, where nothing else is. */
const innerPort = 8000;
const startTimeoutMs = 240_000;

const pom = `<project><modelVersion>4.0.0</modelVersion>
<groupId>dev.slipway</groupId><artifactId>dynamodb-local</artifactId><version>1</version><dependencies><dependency>
<groupId>software.amazon.dynamodb</groupId><artifactId>DynamoDBLocal</artifactId><version>${version}</version>
</dependency></dependencies></project>
`;

/** The folder with the jars; 48 MB, once. Several processes may ask at the same time. */
export async function ensureJars(): Promise<string> {
  if (existsSync(folder)) return folder;
  if (!(await has('java'))) await installPackages(['default-jre-headless']);
  if (!(await has('mvn'))) await installPackages(['maven']);
  mkdirSync(dirname(folder), { recursive: true });
  const fresh = mkdtempSync(`${folder}-`);
  try {
    writeFileSync(join(fresh, 'pom.xml'), pom);
    const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime', '-DoutputDirectory=.'];
    await runOrFail('mvn', ['-q', '-B', ...goal], { cwd: fresh });
    // Whoever is first counts.
    if (!existsSync(folder)) renameSync(fresh, folder);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return folder;
}

const has = async (program: string): Promise<boolean> => (await run('sh', ['-c', `command -v ${program}`])).code === 0;

export interface DynamoDbLocal {
  /** On 127.0.0.1. */
  endpoint: string;
  /** Settings of a client with a database of its own: DynamoDB Local keeps one for each access key. */
  settings(): { endpoint: string; region: string; credentials: { accessKeyId: string; secretAccessKey: string } };
  stop(): Promise<void>;
}

/** Rejects with what it said when it does not start. */
export async function startDynamoDbLocal(): Promise<DynamoDbLocal> {
  const jars = await ensureJars();
  if (!(await has('java'))) await installPackages(['default-jre-headless']);
  const server = createServer({ pauseOnConnect: true });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  /** It unpacks a library there at each start, and leaves it. */
  const unpacked = mkdtempSync(join(tmpdir(), 'slipway-dynamodb-local-'));
  const java = [
    'java',
    `-Djava.library.path=${jars}`,
    `-Djava.io.tmpdir=${unpacked}`,
    '-Xmx512m',
    ...['-cp', `${jars}/*`, 'software.amazon.dynamodb.services.local.main.ServerRunner'],
    ...['-port', String(innerPort), '-inMemory', '-disableTelemetry'],
  ];
  const asRoot = process.getuid?.() === 0 ? [] : ['--map-root-user'];
  const child = spawn('unshare', ['--net', ...asRoot, process.execPath, ownNetwork, String(innerPort), ...java], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-4_000)));
  const exited = new Promise<void>((resolve) => child.on('exit', () => resolve()));
  const stop = async (): Promise<void> => {
    if (child.connected) child.disconnect();
    await exited;
    rmSync(unpacked, { recursive: true, force: true });
  };
  try {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`DynamoDB Local does not answer: ${said}`)), startTimeoutMs);
      child.on('message', () => resolve());
      child.on('error', reject);
      void exited.then(() => reject(new Error(`DynamoDB Local ended: ${said}`)));
      void Promise.race([exited, new Promise((done) => child.on('message', done))]).then(() => clearTimeout(timer));
      child.send('listen', server);
    });
  } catch (error) {
    await stop();
    throw error;
  } finally {
    server.close();
  }
  const endpoint = `http://127.0.0.1:${port}`;
  return {
    endpoint,
    settings: () => ({
      endpoint,
      region: 'eu-central-1',
      credentials: { accessKeyId: `T${randomBytes(8).toString('hex')}`, secretAccessKey: 'secret' },
    }),
    stop,
  };
}

let tables = 0;

/** Two empty tables. */
export async function makeTables(client: DynamoDBClient): Promise<{ objectsTable: string; changesTable: string }> {
  const names = { objectsTable: `objects-${++tables}`, changesTable: `changes-${tables}` };
  await Promise.all(tableDefinitions(names).map((definition) => client.send(new CreateTableCommand(definition))));
  return names;
}
