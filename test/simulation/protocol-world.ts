// Processes that share the tables of the revision protocol: each a store with a clock of its own, and clients that write, list,
// page and watch through it. Processes crash and come back cold.
import assert from 'node:assert/strict';
import { isStatus } from '../../core/api/errors.ts';
import { type KubeObject, keyOf, type ObjectKey } from '../../core/api/objects.ts';
import { createLister } from '../../core/apiserver/lister.ts';
import type { Ports } from '../../core/ports.ts';
import { Hub } from '../../core/store/hub.ts';
import type { ChangeRow } from '../../core/store/protocol/ops.ts';
import { ProtocolStore } from '../../core/store/protocol/store.ts';
import type { Commit, ListPage, Resource, Revision, Store, StoredObject } from '../../core/store/store.ts';
import { RevisionAhead, RevisionExpired } from '../../core/store/store.ts';
import type { Flaws } from '../model/table.ts';
import { FakeTable } from './fake-table.ts';
import type { Acknowledged } from './history.ts';
import { Replica, seen } from './history.ts';
import { type Shown, shownAs } from './log-of-table.ts';
import type { Random } from './random.ts';
import { seeded } from './random.ts';
import { VirtualTime } from './virtual-time.ts';
import type { Watched } from './workload.ts';

const resources: readonly Resource[] = ['pods', 'leases'];
const names = Array.from({ length: 6 }, (_, i) => `o${i}`);
const nodes = ['n0', 'n1'];
const minuteMs = 60_000;
const retentionMs = 40 * minuteMs;
/** When the world begins: no clock shows less than nothing. */
const epochMs = 60 * minuteMs;

const shown = ({ object, revision }: StoredObject): string => shownAs(keyOf(object), revision);
const all = (): boolean => true;
const onNode =
  (node: string) =>
  ({ object }: ChangeRow): boolean =>
    (object['spec'] as { nodeName: string }).nodeName === node;

interface Life {
  isDead: boolean;
  store: ProtocolStore;
  hub: Hub;
  lister: ReturnType<typeof createLister>;
}

const objectOf = (key: ObjectKey, value: string, random: Random): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace: key.namespace, name: key.name },
  spec: { nodeName: random.pick(nodes) },
  value,
  ...(random.below(10) === 0 ? { filling: 'x'.repeat(random.below(1_000_000)) } : {}),
});

export class World {
  readonly time = new VirtualTime();
  readonly tables: FakeTable;
  readonly acknowledged: Acknowledged[] = [];
  readonly refused = new Set<string>();
  readonly watched: Watched[] = [];
  readonly shown: Shown[] = [];
  readonly errors: unknown[] = [];
  readonly counts = { commits: 0, unknown: 0, crashes: 0, expired: 0 };
  readonly #random: Random;
  readonly #newest = new Map<Resource, Revision>();
  #values = 0;
  #lives = 0;
  #quietUntil = 0;
  readonly #crashes = new Set<(backAfterMs: number) => void>();
  #isOver = false;

  constructor(seed: number, flaws: Flaws = {}) {
    this.#random = seeded(seed);
    this.tables = new FakeTable(this.time, this.#random, flaws);
  }

  /** `operations` on the tables by processes that come and go; then everybody stops, and what is on its way arrives. */
  async run(operations: number): Promise<void> {
    this.tables.faults = { refused: 8, unanswered: 4, slow: 3 };
    for (let i = 0; i < 4; i++) this.#live();
    this.#background();
    await this.time.passUntil(() => this.tables.operations >= operations || this.errors.length > 0);
    this.#isOver = true;
    this.tables.faults = { refused: 0, unanswered: 0, slow: 0 };
    const endsAt = this.time.now + 10 * minuteMs;
    await this.time.passUntil(() => this.time.now > endsAt);
  }

  /** A store of a process that begins now, for looking at the end. */
  open(): ProtocolStore {
    return this.#open(() => false);
  }

  #open(isDead: () => boolean): ProtocolStore {
    const life = this.#lives++;
    // Up to two minutes off, either way.
    const skewMs = this.#random.below(4 * minuteMs) - 2 * minuteMs;
    let written = 0;
    const ports: Ports = {
      clock: {
        now: () => this.time.now + skewMs + epochMs,
        after: (delayMs, callback) => this.time.after(delayMs, () => isDead() || callback()),
      },
      ids: { uuid: () => `${life}-${written++}`, suffix: () => '', bytes: (length) => new Uint8Array(length) },
      log: () => undefined,
    };
    return new ProtocolStore({
      execute: this.tables.executor(isDead),
      ports,
      limits: { retentionMs, pageSlots: 4, pollMs: 2_000 },
    });
  }

  #live(): void {
    const life: Life = { isDead: false } as Life;
    life.store = this.#open(() => life.isDead);
    life.hub = new Hub(this.#gossiping(life.store));
    life.lister = createLister(life.store);
    const repeat = (each: () => Promise<void>): void => void this.#repeat(life, each);
    for (let i = 0; i < 3; i++) repeat(() => this.#write(life));
    for (let i = 0; i < 2; i++) repeat(() => this.#watch(life));
    repeat(() => this.#list(life));
    repeat(() => this.#view(life));
    repeat(async () => {
      await this.time.sleep(minuteMs);
      await life.store.tidyUp();
    });
    const crash = (backAfterMs: number): void => {
      if (this.#isOver || life.isDead) return;
      life.isDead = true;
      this.#crashes.delete(crash);
      this.counts.crashes++;
      this.time.after(backAfterMs, () => this.#live());
    };
    this.#crashes.add(crash);
    this.time.after(this.#random.below(5 * minuteMs), () => crash(this.#random.below(5_000)));
  }

  /** Tells of changes late, and more than once. */
  #gossiping(store: Store): Store {
    return new Proxy(store, {
      get: (target, property) => {
        const value = Reflect.get(target, property, target);
        if (property !== 'onChange') return typeof value === 'function' ? value.bind(target) : value;
        return (listener: (resource: Resource) => void) =>
          store.onChange((resource) => {
            for (let times = 1 + this.#random.below(2); times > 0; times--) {
              this.time.after(this.#random.below(200), () => listener(resource));
            }
          });
      },
    });
  }

  /** Times when nobody does anything, some so long that logs expire; and the tables' own clean-up. */
  #background(): void {
    if (this.#isOver) return;
    this.tables.table.expire(this.time.now + epochMs - retentionMs);
    const dice = this.#random.below(12);
    if (dice < 2) this.#quietUntil = this.time.now + 8 * minuteMs;
    else if (dice === 2) {
      for (const crash of [...this.#crashes]) crash(90 * minuteMs);
    }
    this.time.after(minuteMs, () => this.#background());
  }

  async #repeat(life: Life, each: () => Promise<void>): Promise<void> {
    while (!this.#isOver && !life.isDead && this.errors.length === 0) {
      await this.time.sleep(this.#random.below(2_500) + Math.max(0, this.#quietUntil - this.time.now));
      try {
        await each();
      } catch (error) {
        if (error instanceof RevisionExpired) this.counts.expired++;
        else if (!isStatus(error, 'ServiceUnavailable')) this.errors.push(error);
      }
    }
  }

  async #write({ store }: Life): Promise<void> {
    const random = this.#random;
    const resource = random.pick(resources);
    const key = { namespace: 'default', name: random.pick(names) };
    const standing = await store.get(resource, key);
    if (random.below(8) === 0) await this.time.sleep(random.below(2_000));
    const op = standing && random.below(4) === 0 ? 'delete' : 'put';
    const value = `v${this.#values++}`;
    const object = objectOf(key, value, random);
    const commit = { op, resource, key, object, expected: standing?.revision ?? 'absent' } as Commit;
    try {
      const result = await store.commit(commit);
      this.counts.commits++;
      if (!result.ok) {
        assert.notEqual(result.current?.revision, standing?.revision);
        this.refused.add(value);
        return;
      }
      const { revision } = result;
      this.acknowledged.push({ resource, op, name: key.name, value, revision });
      this.#newest.set(resource, Math.max(revision, this.#newest.get(resource) ?? 0));
    } catch (error) {
      if (isStatus(error, 'ServiceUnavailable')) this.refused.add(value);
      if (!isStatus(error, 'Timeout')) throw error;
      this.counts.unknown++;
    }
  }

  #checkNew(resource: Resource, revision: Revision, known: Revision): void {
    assert.ok(revision >= known, `${known} of ${resource} was acknowledged before, and ${revision} is shown`);
  }

  async #list({ store }: Life): Promise<void> {
    const random = this.#random;
    const resource = random.pick(resources);
    const known = this.#newest.get(resource) ?? 0;
    const node = resource === 'pods' && random.below(3) === 0 ? random.pick(nodes) : undefined;
    const index = node === undefined ? {} : { index: { name: 'node', value: node } };
    const limit = random.below(2) === 0 ? {} : { limit: 1 + random.below(4) };
    let page: ListPage = await store.list(resource, { ...index, ...limit });
    this.#checkNew(resource, page.revision, known);
    const { revision } = page;
    const items = [...page.items];
    while (page.next) {
      await this.time.sleep(random.below(500));
      page = await store.list(resource, { ...index, ...limit, continueFrom: page.next });
      assert.equal(page.revision, revision);
      items.push(...page.items);
    }
    this.shown.push({ resource, revision, items: items.map(shown), selects: node === undefined ? all : onNode(node) });
    if (random.below(3) > 0) return;
    await this.time.sleep(random.below(5_000));
    const exact = await store.list(resource, { exact: revision });
    this.shown.push({ resource, revision, items: exact.items.map(shown), selects: all });
  }

  /** As authorizers read: what was committed before must be in it. */
  async #view({ lister }: Life): Promise<void> {
    const resource = this.#random.pick(resources);
    const known = this.#newest.get(resource) ?? 0;
    const view = await lister.view(resource);
    this.#checkNew(resource, view.revision, known);
    this.shown.push({ resource, revision: view.revision, items: view.entries().map(shown), selects: all });
  }

  async #watch(life: Life): Promise<void> {
    const resource = this.#random.pick(resources);
    const page = await life.store.list(resource);
    const replica = new Replica(page.items, page.revision);
    const watched: Watched = { resource, after: page.revision, upTo: page.revision, saw: [] };
    this.watched.push(watched);
    for (let connections = 1 + this.#random.below(3); connections > 0 && !this.#isOver; connections--) {
      await this.#follow(life.hub, watched, replica);
    }
  }

  async #follow(hub: Hub, watched: Watched, replica: Replica): Promise<void> {
    const abort = new AbortController();
    this.time.after(this.#random.below(minuteMs), () => abort.abort());
    try {
      for await (const { changes } of hub.follow(watched.resource, watched.upTo, abort.signal)) {
        for (const change of changes) {
          const one = seen(change);
          replica.apply(one);
          watched.saw.push(one);
          watched.upTo = one.revision;
        }
        if (this.#random.below(3) === 0) await this.time.sleep(this.#random.below(300));
      }
    } catch (error) {
      assert.ok(!(error instanceof RevisionAhead), String(error));
      throw error;
    }
  }
}
