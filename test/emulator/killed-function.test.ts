// The API's function is killed in the middle of a write: between the counter and the transaction, and after the transaction before
// the answer. What another function then shows is all or nothing, each watcher sees it once, and the client that asks again is
// told which it was.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isStatus } from '../../core/api/errors.ts';
import type { KubeObject } from '../../core/api/objects.ts';
import type { Client } from '../../core/client/client.ts';
import { resources } from '../../core/client/resources.ts';
import { randomIds, systemClock } from '../../host/ports.ts';
import { composeOver, writeDefaults } from '../simulation/functions/control-plane.ts';
import type { DyingRequest } from './dying-function.ts';
import { type Lab, openLab } from './dynamo-lab.ts';
import { type DynamoDbLocal, startDynamoDbLocal } from './dynamodb-local.ts';

const program = fileURLToPath(new URL('dying-function.ts', import.meta.url));
const path = '/api/v1/namespaces/default/configmaps';
const ports = { clock: systemClock, ids: randomIds, log: () => undefined };
const gapMs = 100;

let server: DynamoDbLocal;
let lab: Lab;
before(async () => {
  server = await startDynamoDbLocal();
  lab = await openLab(server);
  // A Java that has just begun may take longer for its first calls than the store waits.
  for (let isWritten = false; !isWritten; ) {
    isWritten = await writeDefaults({ ...ports, store: lab.open() }).then(
      () => true,
      (error: unknown) => (isStatus(error, 'ServiceUnavailable', 'Timeout') ? false : Promise.reject(error)),
    );
  }
});
after(async () => {
  await lab?.close();
  await server?.stop();
});

/** A function that begins now, with nothing in memory. */
const fresh = async (): Promise<Client> =>
  (await composeOver({ ...ports, store: lab.open({ pendingMs: gapMs }) })).clientOf('user');

const configMap = (name: string, data: Record<string, string> = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default' },
  data,
});
const keyOf = (name: string) => ({ namespace: 'default', name });

/** Sends a request to a function that dies; it never answers. */
async function die(request: Omit<DyingRequest, 'settings' | 'tables'>): Promise<void> {
  const whole: DyingRequest = { ...request, settings: lab.settings, tables: lab.tables };
  const child = spawn(process.execPath, [program, JSON.stringify(whole)], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (said += text));
  const signal = await new Promise((resolve) => child.on('close', (_code, by) => resolve(by)));
  assert.deepEqual([signal, said], ['SIGKILL', '']);
}

/** What a watcher sees from a revision until the object `last` came. */
async function watched(client: Client, from: string, last: string): Promise<string[]> {
  const seen: string[] = [];
  const stop = new AbortController();
  for await (const event of client.watch<KubeObject>(
    resources.configMaps,
    from,
    { namespace: 'default' },
    stop.signal,
  )) {
    if (event.type === 'BOOKMARK') continue;
    const { metadata, data } = event.object as KubeObject & { data?: { v?: string } };
    seen.push([event.type, metadata.name, data?.v].filter(Boolean).join(' '));
    if (metadata.name === last) break;
  }
  stop.abort();
  return seen;
}

const versionNow = async (client: Client): Promise<string> =>
  (await client.list(resources.configMaps, { namespace: 'default' })).resourceVersion;

test('killed between the counter and the transaction: nothing was done, and nobody waits for it', async () => {
  const from = await versionNow(await fresh());
  const request = { operation: 'TransactWriteItems', moment: 'before', method: 'POST', path } as const;
  await die({ ...request, body: configMap('between', { v: '1' }) });
  const client = await fresh();
  const missing = (error: unknown): boolean => isStatus(error, 'NotFound');
  await assert.rejects(client.get(resources.configMaps, keyOf('between')), missing);
  const { metadata } = await client.create<KubeObject>(resources.configMaps, configMap('between', { v: '1' }));
  assert.equal(Number(metadata.resourceVersion), Number(from) + 2, 'the revision in between was taken, and is void');
  await client.create(resources.configMaps, configMap('end-1'));
  const seen = ['ADDED between 1', 'ADDED end-1'];
  assert.deepEqual(await watched(client, from, 'end-1'), seen);
  assert.deepEqual(await watched(await fresh(), from, 'end-1'), seen);
});

test('killed after the transaction, before the answer: it was done once, and who asks again is told', async () => {
  const from = await versionNow(await fresh());
  const request = { operation: 'TransactWriteItems', moment: 'after' } as const;
  await die({ ...request, method: 'POST', path, body: configMap('done', { v: '1' }) });
  const client = await fresh();
  const stands = await client.get<KubeObject>(resources.configMaps, keyOf('done'));
  assert.deepEqual(stands['data'], { v: '1' });
  const again = client.create(resources.configMaps, configMap('done', { v: '1' }));
  await assert.rejects(again, (error) => isStatus(error, 'AlreadyExists'));

  const changed = { ...stands, data: { v: '2' } };
  await die({ ...request, method: 'PUT', path: `${path}/done`, body: changed });
  const other = await fresh();
  assert.deepEqual((await other.get<KubeObject>(resources.configMaps, keyOf('done')))['data'], { v: '2' });
  await assert.rejects(other.update(resources.configMaps, changed), (error) => isStatus(error, 'Conflict'));
  await other.create(resources.configMaps, configMap('end-2'));
  const seen = ['ADDED done 1', 'MODIFIED done 2', 'ADDED end-2'];
  assert.deepEqual(await watched(other, from, 'end-2'), seen);
  assert.deepEqual(await watched(await fresh(), from, 'end-2'), seen);
});

test('killed before it wrote anything: as if it had not been asked', async () => {
  const from = await versionNow(await fresh());
  await die({ operation: 'UpdateItem', moment: 'before', method: 'POST', path, body: configMap('never') });
  const client = await fresh();
  assert.equal(await versionNow(client), from);
});
