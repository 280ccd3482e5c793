// The whole control plane is killed (SIGKILL) fifty times while clients write to it and watch it over TLS: no acknowledged
// write is lost, and watchers that go on from the last resource version they saw see no gap, repetition or reordering.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isStatus } from '../../core/api/errors.ts';
import type { KubeObject } from '../../core/api/objects.ts';
import type { Client, ResourceRef } from '../../core/client/client.ts';
import { adminClient, ControlPlaneProcess } from './control-plane-process.ts';
import type { Random } from './random.ts';
import { seeded, seedOfRun } from './random.ts';

const kills = 50;
const writers = 6;
const namespace = 'default';

interface Target {
  of: ResourceRef;
  make(name: string, value: string): KubeObject;
  read(object: KubeObject): string;
}

/** One kind that is stored as it is, and one that is stored encrypted. */
const targets: readonly Target[] = [
  {
    of: { group: 'coordination.k8s.io', version: 'v1', plural: 'leases' },
    make: (name, value) => ({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name, namespace },
      spec: { holderIdentity: value },
    }),
    read: (object) => String((object['spec'] as { holderIdentity: string }).holderIdentity),
  },
  {
    of: { group: '', version: 'v1', plural: 'secrets' },
    make: (name, value) => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name, namespace },
      data: { value: btoa(value) },
    }),
    read: (object) => atob((object['data'] as { value: string }).value),
  },
];

interface Event {
  type: string;
  name: string;
  revision: number;
  value: string;
}

/** What one resource's clients know. */
class Account {
  readonly target: Target;
  readonly acknowledged: Event[] = [];
  readonly attempted = new Set<string>();
  /** What the watcher saw, over all its connections. */
  readonly saw: Event[] = [];
  from = '';

  constructor(target: Target) {
    this.target = target;
  }

  event(type: string, object: KubeObject): Event {
    const { name = '', resourceVersion } = object.metadata;
    return { type, name, revision: Number(resourceVersion), value: this.target.read(object) };
  }

  async watch(client: Client, signal: AbortSignal): Promise<void> {
    const { of } = this.target;
    for await (const event of client.watch(of, this.from, { namespace }, signal)) {
      if (event.type === 'BOOKMARK') continue;
      this.saw.push(this.event(event.type, event.object));
      this.from = event.object.metadata.resourceVersion!;
    }
  }

  async write(client: Client, random: Random): Promise<void> {
    const { of, make } = this.target;
    const name = `o${random.below(10)}`;
    const standing = await client.get(of, { namespace, name }).catch((error: unknown) => {
      if (isStatus(error, 'NotFound')) return undefined;
      throw error;
    });
    if (standing && random.below(5) === 0) {
      const { resourceVersion } = standing.metadata;
      await client.delete(of, { namespace, name }, { resourceVersion: resourceVersion! });
      this.acknowledged.push({ ...this.event('DELETED', standing), revision: Number.NaN });
      return;
    }
    const value = `v${this.attempted.size}`;
    this.attempted.add(value);
    const object = make(name, value);
    if (!standing) this.acknowledged.push(this.event('ADDED', await client.create(of, object)));
    else {
      object.metadata.resourceVersion = standing.metadata.resourceVersion!;
      this.acknowledged.push(this.event('MODIFIED', await client.update(of, object)));
    }
  }
}

/** Races that a client must expect, and connections that the kill cuts. */
const expected = (error: unknown): boolean =>
  isStatus(error, 'Conflict', 'AlreadyExists', 'NotFound') || !isStatus(error);

async function oneLife(
  plane: ControlPlaneProcess,
  accounts: readonly Account[],
  random: Random,
  writes: number,
): Promise<void> {
  const ready = await plane.start();
  const { client, close } = adminClient(ready);
  const cut = new AbortController();
  for (const account of accounts) {
    account.from ||= (await client.list(account.target.of, { namespace })).resourceVersion;
  }
  const watches = accounts.map((account) =>
    account.watch(client, cut.signal).catch((error) => assert.ok(!isStatus(error), error)),
  );
  let left = writes;
  let dead = false;
  const one = async (): Promise<void> => {
    while (!dead) {
      try {
        await random.pick(accounts).write(client, random);
        if (--left === 0) plane.signal('SIGKILL');
      } catch (error) {
        assert.ok(expected(error), error as Error);
        if (!isStatus(error)) return;
      }
    }
  };
  const work = Array.from({ length: writers }, one);
  const exit = await plane.exited;
  assert.equal(exit.signal, 'SIGKILL', exit.stderr);
  dead = true;
  cut.abort();
  await Promise.all([...watches, ...work]);
  close();
}

/** The log from the watcher's beginning, read in one go by a fresh watch. */
async function readLog(client: Client, account: Account, since: string): Promise<{ log: Event[]; now: Event[] }> {
  const { of } = account.target;
  const list = await client.list(of, { namespace });
  const log: Event[] = [];
  const abort = new AbortController();
  // The last change may be another namespace's: a write of our own marks the end.
  const end = await client.create(of, account.target.make('the-end', 'end'));
  for await (const event of client.watch(of, since, { namespace }, abort.signal)) {
    if (event.type === 'BOOKMARK') continue;
    if (event.object.metadata.resourceVersion === end.metadata.resourceVersion) break;
    log.push(account.event(event.type, event.object));
  }
  return { log, now: list.items.map((object) => account.event('NOW', object)) };
}

function check(account: Account, log: readonly Event[], now: readonly Event[]): void {
  const byRevision = new Map(log.map((event) => [event.revision, event]));
  assert.equal(byRevision.size, log.length, 'a revision came twice');
  for (const write of account.acknowledged) {
    const found = Number.isNaN(write.revision)
      ? log.find((event) => event.type === 'DELETED' && event.value === write.value)
      : byRevision.get(write.revision);
    assert.deepEqual(
      [found?.type, found?.name, found?.value],
      [write.type, write.name, write.value],
      'an acknowledged write was lost',
    );
  }
  const state = new Map<string, string>();
  let last = 0;
  for (const { type, name, value, revision } of log) {
    assert.ok(revision > last, 'the log is out of order');
    last = revision;
    assert.equal(state.has(name), type !== 'ADDED', `${type} ${name} at ${revision}`);
    assert.ok(account.attempted.has(value), `nobody wrote ${value}`);
    if (type === 'DELETED') state.delete(name);
    else state.set(name, value);
  }
  assert.deepEqual(
    new Map(now.map(({ name, value }) => [name, value])),
    new Map([...state].sort(([a], [b]) => (a < b ? -1 : 1))),
  );
  assert.deepEqual(account.saw, log.slice(0, account.saw.length), 'the watcher saw something else than the log');
}

test(`${kills} kills of the control plane lose no acknowledged write and show no watcher a gap`, async (t) => {
  const seed = seedOfRun();
  t.diagnostic(`SLIPWAY_SEED=${seed}`);
  const random = seeded(seed);
  const plane = await ControlPlaneProcess.make();
  try {
    const accounts = targets.map((target) => new Account(target));
    const starts: string[] = [];
    for (let life = 0; life < kills; life++) {
      await oneLife(plane, accounts, random, 1 + random.below(120));
      if (life === 0) starts.push(...accounts.map(({ saw }) => String((saw[0]?.revision ?? 2) - 1)));
    }
    const { client, close } = adminClient(await plane.start());
    for (const [i, account] of accounts.entries()) {
      const { log, now } = await readLog(client, account, starts[i]!);
      check(account, log, now);
      t.diagnostic(
        `${account.target.of.plural}: ${account.acknowledged.length} acknowledged, ${log.length} in the log, ${account.saw.length} watched`,
      );
    }
    close();
    assert.equal((await plane.end('SIGTERM')).code, 0);
  } finally {
    await plane.dispose();
  }
});
