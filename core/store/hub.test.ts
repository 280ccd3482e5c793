import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../api/objects.ts';
import { Hub } from './hub.ts';
import { MemoryStore } from './memory.ts';
import type { Change, Store } from './store.ts';
import { RevisionAhead, RevisionExpired } from './store.ts';

const object = (name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace: 'default', name },
});

async function add(store: Store, name: string): Promise<void> {
  const key = { namespace: 'default', name };
  const result = await store.commit({ op: 'put', resource: 'pods', key, object: object(name), expected: 'absent' });
  assert.ok(result.ok);
}

const names = (changes: readonly Change[]): string[] => changes.map(({ key }) => key.name);
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Counts the reads of the log beneath. */
function counting(store: MemoryStore): { store: Store; reads(): number } {
  let reads = 0;
  const counted = new Proxy(store, {
    get(target, property) {
      const value = Reflect.get(target, property, target);
      if (property === 'changesSince') reads++;
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { store: counted, reads: () => reads };
}

test('a hundred subscribers cost one read of the log for each change', async () => {
  const { store, reads } = counting(new MemoryStore());
  const hub = new Hub(store);
  const seen: string[][] = Array.from({ length: 100 }, () => []);
  for (const list of seen) {
    await hub.subscribe('pods', 1, { onChanges: (changes) => void list.push(...names(changes)), onEnd: assert.fail });
  }
  await turn();
  const before = reads();
  await add(store, 'a');
  await turn();
  assert.deepEqual(
    seen,
    Array.from({ length: 100 }, () => ['a']),
  );
  assert.ok(reads() - before <= 2, `${reads() - before} reads`);
});

test('a subscriber that begins in the past gets the past first, then the present, each once', async () => {
  const store = new MemoryStore();
  const hub = new Hub(store);
  for (const name of ['a', 'b', 'c']) await add(store, name);
  const seen: string[] = [];
  const subscribing = hub.subscribe('pods', 2, {
    onChanges: (changes) => void seen.push(...names(changes)),
    onEnd: assert.fail,
  });
  await add(store, 'd');
  const subscription = await subscribing;
  await add(store, 'e');
  await turn();
  assert.deepEqual(seen, ['b', 'c', 'd', 'e']);
  assert.equal(subscription.upTo, await store.head('pods'));
});

test('a closed subscription is told nothing more', async () => {
  const store = new MemoryStore();
  const hub = new Hub(store);
  const seen: string[] = [];
  const subscription = await hub.subscribe('pods', 1, {
    onChanges: (changes) => void seen.push(...names(changes)),
    onEnd: assert.fail,
  });
  await add(store, 'a');
  await turn();
  subscription.close();
  await add(store, 'b');
  await turn();
  assert.deepEqual(seen, ['a']);
});

test('a subscriber that closes another while changes are handed out disturbs nobody else', async () => {
  const store = new MemoryStore();
  const hub = new Hub(store);
  const seen: string[] = [];
  const closing: { close(): void }[] = [];
  for (let i = 0; i < 3; i++) {
    closing.push(
      await hub.subscribe('pods', 1, {
        onChanges() {
          seen.push(`s${i}`);
          closing[i]?.close();
        },
        onEnd: assert.fail,
      }),
    );
  }
  await add(store, 'a');
  await turn();
  await add(store, 'b');
  await turn();
  assert.deepEqual(seen, ['s0', 's1', 's2']);
});

test('an expired beginning and one in the future are refused by name', async () => {
  const store = new MemoryStore({ limits: { maxChanges: 2 } });
  const hub = new Hub(store);
  for (const name of ['a', 'b', 'c', 'd', 'e']) await add(store, name);
  const subscriber = { onChanges: assert.fail, onEnd: assert.fail };
  await assert.rejects(hub.subscribe('pods', 1, subscriber), RevisionExpired);
  await assert.rejects(hub.subscribe('pods', 99, subscriber), RevisionAhead);
  await assert.rejects(hub.follow('pods', 1).next(), RevisionExpired);
  await assert.rejects(hub.follow('pods', 99).next(), RevisionAhead);
});

test('a follower that stays away longer than the log is told that it has expired', async () => {
  const store = new MemoryStore({ limits: { maxChanges: 3 } });
  const hub = new Hub(store);
  const follower = hub.follow('pods', 1);
  await add(store, 'o0');
  assert.deepEqual(names((await follower.next()).value?.changes ?? []), ['o0']);
  for (let i = 1; i < 4_000; i++) await add(store, `o${i}`);
  await turn();
  await assert.rejects(follower.next(), RevisionExpired);
});

test('a follower ends when its signal aborts', async () => {
  const hub = new Hub(new MemoryStore());
  const abort = new AbortController();
  const next = hub.follow('pods', 1, abort.signal).next();
  await turn();
  abort.abort();
  assert.equal((await next).done, true);
});

test('when the log cannot be read, subscribers are told why, and the next ones start afresh', async () => {
  const memory = new MemoryStore();
  let broken = false;
  const store = new Proxy(memory, {
    get(target, property) {
      if (property === 'changesSince' && broken) return () => Promise.reject(new Error('the disk is gone'));
      const value = Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const hub = new Hub(store);
  const ended: unknown[] = [];
  await hub.subscribe('pods', 1, { onChanges: assert.fail, onEnd: (error) => void ended.push(error) });
  await turn();
  broken = true;
  await add(memory, 'a');
  await turn();
  assert.match(String(ended[0]), /the disk is gone/);
  broken = false;
  const seen: string[] = [];
  await hub.subscribe('pods', 1, { onChanges: (changes) => void seen.push(...names(changes)), onEnd: assert.fail });
  assert.deepEqual(seen, ['a']);
});

test('the store is listened to only while somebody is served', async () => {
  const store = new MemoryStore();
  let listening = 0;
  const onChange = store.onChange.bind(store);
  store.onChange = (listener) => {
    const stop = onChange(listener);
    listening++;
    return () => {
      listening--;
      stop();
    };
  };
  const hub = new Hub(store);
  assert.equal(listening, 0);
  const seen: string[] = [];
  const subscriber = {
    onChanges: (changes: readonly Change[]) => void seen.push(...names(changes)),
    onEnd: assert.fail,
  };
  const first = await hub.subscribe('pods', 1, subscriber);
  const second = await hub.subscribe('leases', 1, subscriber);
  await add(store, 'a');
  await turn();
  first.close();
  first.close();
  assert.equal(listening, 1);
  second.close();
  assert.equal(listening, 0);
  await add(store, 'b');
  const third = await hub.subscribe('pods', 2, subscriber);
  await add(store, 'c');
  await turn();
  assert.deepEqual(seen, ['a', 'b', 'c']);
  third.close();
  await assert.rejects(hub.subscribe('pods', 99, subscriber), RevisionAhead);
  assert.equal(listening, 0);
});
