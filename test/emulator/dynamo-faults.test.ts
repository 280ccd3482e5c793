// The store on tables that throttle, break, and answer to nobody: no write is lost or done twice, and clients are told 429 or 503.
import assert from 'node:assert/strict';
import type { Server } from 'node:net';
import { createServer } from 'node:net';
import { after, before, test } from 'node:test';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { openDynamoStore } from '../../aws/dynamo/store.ts';
import { isStatus } from '../../core/api/errors.ts';
import type { KubeObject } from '../../core/api/objects.ts';
import type { Commit, CommitResult, Store } from '../../core/store/store.ts';
import { randomIds, systemClock } from '../../host/ports.ts';
import { checkLog, checkWatcher, wholeLog } from '../simulation/history.ts';
import { seeded, seedOfRun } from '../simulation/random.ts';
import { simulated, Workload } from '../simulation/workload.ts';
import type { Fault, Lab } from './dynamo-lab.ts';
import { openLab } from './dynamo-lab.ts';
import type { DynamoDbLocal } from './dynamodb-local.ts';
import { startDynamoDbLocal } from './dynamodb-local.ts';

let server: DynamoDbLocal;
before(async () => {
  server = await startDynamoDbLocal();
});
after(() => server.stop());

const pod = (value: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace: 'default', name: 'a' },
  value,
});
const key = { namespace: 'default', name: 'a' };
const create = (value: string): Commit => ({
  op: 'put',
  resource: 'pods',
  key,
  object: pod(value),
  expected: 'absent',
});

/** `maxAttempts` of the SDK: 1 leaves everything to the protocol. */
async function withLab(maxAttempts: number, body: (lab: Lab) => Promise<void>): Promise<void> {
  const lab = await openLab(server, { maxAttempts });
  try {
    await body(lab);
  } finally {
    await lab.close();
  }
}

for (const maxAttempts of [1, 3]) {
  test(`a write whose answer is lost is acknowledged once and done once (${maxAttempts} attempts of the SDK)`, async () => {
    await withLab(maxAttempts, async (lab) => {
      const store = lab.open({ pendingMs: 50 });
      let lost = 0;
      lab.fault = (operation) => (operation === 'TransactWriteItems' && lost++ === 0 ? 'lost after' : 'none');
      const result = await store.commit(create('once'));
      assert.ok(result.ok && lost >= 1);
      const log = await wholeLog(lab.open({ pendingMs: 50 }), 'pods', 1);
      assert.deepEqual(
        log.map(({ type, value, revision }) => [type, value, revision]),
        [['ADDED', 'once', result.revision]],
      );
    });
  });
}

test('a revision whose answer is lost is a gap that readers seal', async () => {
  await withLab(1, async (lab) => {
    const store = lab.open({ pendingMs: 50 });
    let lost = 0;
    lab.fault = (operation) => (operation === 'UpdateItem' && lost++ === 0 ? 'lost after' : 'none');
    const result = await store.commit(create('second'));
    assert.ok(result.ok && result.revision === 3, JSON.stringify(result));
    assert.deepEqual((await lab.open({ pendingMs: 50 }).list('pods')).items.length, 1);
    assert.equal(await store.head('pods'), 3);
  });
});

test('tables that throttle, break or are not reached are told as 429 and 503, and what follows is as if nothing had been', async () => {
  await withLab(1, async (lab) => {
    const store = lab.open({ pendingMs: 50, attempts: 2 });
    const expected: readonly [Fault, number][] = [
      ['throttled', 429],
      ['broken', 503],
      ['refused', 503],
      ['lost before', 503],
    ];
    for (const [fault, code] of expected) {
      lab.fault = () => fault;
      for (const call of [
        () => store.get('pods', key),
        () => store.list('pods'),
        () => store.head('pods'),
        () => store.changesSince('pods', 1),
        () => store.commit(create('never')),
      ])
        await assert.rejects(call(), (error) => isStatus(error) && error.code === code && retryAfter(error) === 1);
    }
    lab.fault = () => 'none';
    assert.equal(await store.get('pods', key), undefined);
    assert.ok((await store.commit(create('after'))).ok);
    assert.deepEqual((await wholeLog(store, 'pods', 1)).length, 1);
  });
});

const retryAfter = (error: { details?: { retryAfterSeconds?: number } | undefined }) =>
  error.details?.retryAfterSeconds;

test('a write that is throttled after its revision was taken is told as 429 and never appears', async () => {
  await withLab(1, async (lab) => {
    const store = lab.open({ pendingMs: 50, attempts: 2 });
    lab.fault = (operation) => (operation === 'TransactWriteItems' ? 'throttled' : 'none');
    await assert.rejects(store.commit(create('never')), { code: 429 });
    lab.fault = () => 'none';
    assert.deepEqual(await wholeLog(lab.open({ pendingMs: 50 }), 'pods', 1), []);
    assert.equal(await store.get('pods', key), undefined);
  });
});

test('tables that are not there are told as 503', async () => {
  await withLab(1, async (lab) => {
    const names = { objectsTable: 'none', changesTable: 'none' };
    const ports = { clock: systemClock, ids: randomIds, log: () => {} };
    const store = openDynamoStore({ client: lab.client, ...names, ports, limits: { attempts: 1 } });
    await assert.rejects(store.get('pods', key), { code: 503, message: /ResourceNotFoundException/ });
    await assert.rejects(store.commit(create('never')), { code: 503 });
  });
});

test('tables that take requests and never answer do not hold their callers', async () => {
  const silent: Server = createServer((socket) => socket.on('error', () => {}));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const { port } = silent.address() as { port: number };
  const client = new DynamoDBClient({ ...server.settings(), endpoint: `http://127.0.0.1:${port}` });
  const ports = { clock: systemClock, ids: randomIds, log: () => {} };
  const names = { objectsTable: 'objects', changesTable: 'changes' };
  const store = openDynamoStore({ client, ...names, ports, limits: { attempts: 1 } });
  try {
    await assert.rejects(store.get('pods', key), { code: 503 });
  } finally {
    client.destroy();
    silent.close();
  }
});

/** As a client with patience sees the store: what is told as busy or away is asked again, and a write in doubt counts as refused. */
function patiently(store: Store): Store {
  const again = async <T>(call: () => Promise<T>): Promise<T> => {
    for (;;) {
      try {
        return await call();
      } catch (error) {
        if (!isStatus(error, 'TooManyRequests', 'ServiceUnavailable')) throw error;
      }
    }
  };
  return {
    get: (resource, of) => again(() => store.get(resource, of)),
    list: (resource, options) => again(() => store.list(resource, options)),
    changesSince: (resource, since, limit) => again(() => store.changesSince(resource, since, limit)),
    head: (resource) => again(() => store.head(resource)),
    onChange: (listener) => store.onChange(listener),
    close: () => store.close(),
    async commit(commit): Promise<CommitResult> {
      try {
        return await store.commit(commit);
      } catch (error) {
        assert.ok(isStatus(error, 'TooManyRequests', 'ServiceUnavailable', 'Timeout'), String(error));
        return { ok: false, current: { object: commit.object, revision: -1 } };
      }
    },
  };
}

test('with faults of every kind the properties of the protocol hold', async (t) => {
  const seed = seedOfRun();
  t.diagnostic(`SLIPWAY_SEED=${seed}`);
  await withLab(1, async (lab) => {
    const random = seeded(seed);
    const faults: readonly Fault[] = ['throttled', 'refused', 'lost before', 'lost after', 'broken'];
    lab.fault = () => (random.below(100) < 12 ? random.pick(faults) : 'none');
    const attempted = new Set<string>();
    const stores = [1, 2].map(() => patiently(lab.open({ pendingMs: 100 })));
    const workloads = stores.map((store, n) => new Workload(store, seeded(seed + n + 1), attempted));
    await Promise.all(workloads.map((workload) => workload.run(10)));
    lab.fault = () => 'none';
    const acknowledged = workloads.flatMap((one) => one.acknowledged);
    assert.ok(acknowledged.length > 20);
    for (const resource of simulated.resources) {
      const told = await checkLog(lab.open({ pendingMs: 100 }), resource, 1, acknowledged, attempted);
      for (const { watched } of workloads)
        for (const one of watched) if (one.resource === resource) checkWatcher(one.saw, told, one.after, one.upTo);
    }
  });
});
