// What neither the contract nor the model shows: outcomes that stay unknown, rows that have expired, states that would.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Table } from '../../../test/model/table.ts';
import { isStatus } from '../../api/errors.ts';
import type { KubeObject } from '../../api/objects.ts';
import { RevisionExpired } from '../store.ts';
import type { Op, Outcome } from './ops.ts';
import { ProtocolStore } from './store.ts';

const resource = 'pods';
const key = { namespace: 'default', name: 'a' };
const retentionMs = 1_000_000;

const objectAt = (value: number, node = ''): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace: key.namespace, name: key.name },
  spec: node ? { nodeName: node } : {},
  value,
});

/** Waiting takes no time here: clocks jump. */
function lab(refuse: (op: Op) => Outcome | undefined = () => undefined) {
  const table = new Table();
  const time = { now: 1_000 };
  let named = 0;
  const open = (): ProtocolStore =>
    new ProtocolStore({
      async execute(op) {
        return refuse(op) ?? { ended: 'done', value: table.apply(op) };
      },
      ports: {
        clock: {
          now: () => time.now,
          after(delayMs, callback) {
            queueMicrotask(() => {
              time.now += delayMs;
              callback();
            });
            return () => undefined;
          },
        },
        ids: { uuid: () => `attempt-${named++}`, suffix: () => '', bytes: (length) => new Uint8Array(length) },
        log: () => undefined,
      },
      limits: { retentionMs },
    });
  const put = (store: ProtocolStore, object: KubeObject, expected: number | 'absent') =>
    store.commit({ op: 'put', resource, key, object, expected });
  return { table, time, open, put };
}

test('a write whose fate cannot be found out is neither acknowledged nor refused', async () => {
  const { open, put, table } = lab((op) => {
    if (op.do === 'write') return { ended: 'lost', error: new Error('no answer') };
    return op.do === 'void' || op.do === 'rowsAt' ? { ended: 'failed', error: 'throttled' } : undefined;
  });
  await assert.rejects(put(open(), objectAt(1), 'absent'), (error) => isStatus(error, 'Timeout'));
  assert.equal(table.part(resource).counter.taken, 2, 'it was not tried again');
});

test('a write that was lost on its way is tried again under another revision', async () => {
  let losses = 2;
  const { open, put, table } = lab((op) =>
    op.do === 'write' && losses-- > 0 ? { ended: 'lost', error: 'lost' } : undefined,
  );
  const store = open();
  assert.deepEqual(await put(store, objectAt(1), 'absent'), { ok: true, revision: 4 });
  assert.deepEqual(
    [...table.part(resource).rows.values()].map(({ kind }) => kind),
    ['void', 'void', 'change'],
  );
  assert.equal(await store.head(resource), 4);
});

test('nothing is written when the tables refuse every time', async () => {
  const { open, put, table } = lab((op) => (op.do === 'write' ? { ended: 'failed', error: 'throttled' } : undefined));
  await assert.rejects(put(open(), objectAt(1), 'absent'), (error) => isStatus(error, 'ServiceUnavailable'));
  assert.equal(await open().get(resource, key), undefined);
  assert.ok([...table.part(resource).rows.values()].every(({ kind }) => kind === 'void'));
});

test('a change holds the state before it when the row of that state will have expired', async () => {
  const { open, put, table, time } = lab();
  const store = open();
  await put(store, objectAt(1), 'absent');
  time.now += retentionMs - 1_000;
  await put(store, objectAt(2), 2);
  table.expire(time.now + 2_000 - retentionMs);
  const { changes } = await open().changesSince(resource, 2);
  assert.deepEqual(
    changes.map(({ object, previous }) => [object['value'], previous?.['value']]),
    [[2, 1]],
  );
  await assert.rejects(open().changesSince(resource, 1), RevisionExpired);
});

test('after a time in which nobody read, old revisions are refused rather than passed over', async () => {
  const { open, put, table, time } = lab();
  const store = open();
  await put(store, objectAt(1), 'absent');
  await put(store, objectAt(2), 2);
  time.now += 3 * retentionMs;
  table.expire(time.now - retentionMs);
  await put(open(), objectAt(3), 3);
  await assert.rejects(open().changesSince(resource, 2), RevisionExpired);
  const page = await open().list(resource);
  assert.deepEqual([page.revision, page.items.map(({ object }) => object['value'])], [4, [3]]);
  assert.deepEqual(await open().changesSince(resource, 4), { changes: [], upTo: 4 });
  await open().tidyUp();
  await put(store, objectAt(4), 4);
  assert.ok((await open().head(resource)) > 4);
});

test('a page of an index shows what was in it, whatever has left it since', async () => {
  const { open, put } = lab();
  const store = open();
  await put(store, objectAt(1, 'n1'), 'absent');
  const index = { name: 'node', value: 'n1' };
  const revision = await store.head(resource);
  await put(store, objectAt(2, 'n2'), 2);
  const then = await open().list(resource, { exact: revision, index });
  assert.deepEqual(
    then.items.map(({ object }) => object['value']),
    [1],
  );
  const now = await open().list(resource, { index });
  assert.deepEqual([now.revision, now.items], [3, []]);
});
