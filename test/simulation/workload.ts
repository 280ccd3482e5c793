// Writers, readers and watchers on one store, as a seed says.
import assert from 'node:assert/strict';
import type { KubeObject } from '../../core/api/objects.ts';
import { Hub } from '../../core/store/hub.ts';
import type { Resource, Revision, Store } from '../../core/store/store.ts';
import type { Acknowledged, Seen } from './history.ts';
import { Replica, seen } from './history.ts';
import type { Random } from './random.ts';

const resources: readonly Resource[] = ['pods', 'deployments.apps'];
const names = Array.from({ length: 8 }, (_, i) => `o${i}`);

const objectOf = (name: string, value: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace: 'default', name },
  value,
});

export interface Watched {
  resource: Resource;
  after: Revision;
  upTo: Revision;
  saw: Seen[];
}

/** One life of a store: everything it did until it was closed. */
export class Workload {
  readonly acknowledged: Acknowledged[] = [];
  /** Every value that somebody tried to write. */
  readonly attempted: Set<string>;
  readonly watched: Watched[] = [];
  readonly #store: Store;
  readonly #random: Random;
  readonly #hub: Hub;
  #stopping = false;

  constructor(store: Store, random: Random, attempted: Set<string>) {
    this.#store = store;
    this.#random = random;
    this.#hub = new Hub(store);
    this.attempted = attempted;
  }

  /** `steps` of each writer and reader; watchers come and go meanwhile. */
  async run(steps: number): Promise<void> {
    const watchers = Array.from({ length: 5 }, () => this.#watch());
    const writers = Array.from({ length: 6 }, () => this.#repeat(steps, () => this.#write()));
    const readers = Array.from({ length: 2 }, () => this.#repeat(Math.ceil(steps / 5), () => this.#read()));
    await Promise.all([...writers, ...readers]);
    this.#stopping = true;
    this.#hub.close();
    await Promise.all(watchers);
  }

  async #repeat(steps: number, step: () => Promise<void>): Promise<void> {
    for (let i = 0; i < steps; i++) {
      for (let yields = this.#random.below(3); yields > 0; yields--)
        await new Promise((resolve) => setImmediate(resolve));
      await step();
    }
  }

  /** Decides on what it read, like every client: the state may have moved when it writes. */
  async #write(): Promise<void> {
    const resource = this.#random.pick(resources);
    const name = this.#random.pick(names);
    const key = { namespace: 'default', name };
    const standing = await this.#store.get(resource, key);
    if (this.#random.below(4) === 0) await new Promise((resolve) => setImmediate(resolve));
    const op = standing && this.#random.below(4) === 0 ? 'delete' : 'put';
    const value = op === 'delete' ? String(standing?.object['value']) : `v${this.attempted.size}`;
    this.attempted.add(value);
    const expected = standing?.revision ?? 'absent';
    const object = objectOf(name, value);
    const commit = op === 'put' ? ({ op, expected } as const) : ({ op, expected: expected as Revision } as const);
    const result = await this.#store.commit({ ...commit, resource, key, object });
    if (result.ok) this.acknowledged.push({ resource, op, name, value, revision: result.revision });
    else assert.notEqual(result.current?.revision, standing?.revision);
  }

  /** A paged list shows one revision; the same revision asked for by name shows the same. */
  async #read(): Promise<void> {
    const resource = this.#random.pick(resources);
    const limit = 1 + this.#random.below(4);
    let page = await this.#store.list(resource, { limit });
    const { revision } = page;
    const items = [...page.items];
    while (page.next) {
      page = await this.#store.list(resource, { limit, continueFrom: page.next });
      assert.equal(page.revision, revision);
      items.push(...page.items);
    }
    const exact = await this.#store.list(resource, { exact: revision });
    const shown = (list: typeof exact.items): unknown =>
      list.map(({ object, revision: own }) => [object.metadata.name, object['value'], own]);
    assert.deepEqual(shown(items), shown(exact.items));
    assert.ok(items.every((item) => item.revision <= revision));
  }

  /** List, then watch; now and then drop the watch and go on from the last revision seen, as clients do. */
  async #watch(): Promise<void> {
    while (!this.#stopping) {
      const resource = this.#random.pick(resources);
      const page = await this.#store.list(resource);
      const replica = new Replica(page.items, page.revision);
      const watched: Watched = { resource, after: page.revision, upTo: page.revision, saw: [] };
      this.watched.push(watched);
      for (let lives = 1 + this.#random.below(3); lives > 0 && !this.#stopping; lives--) {
        await this.#follow(watched, replica, 1 + this.#random.below(40));
      }
    }
  }

  async #follow(watched: Watched, replica: Replica, atMost: number): Promise<void> {
    let left = atMost;
    const abort = new AbortController();
    for await (const { changes } of this.#hub.follow(watched.resource, watched.upTo, abort.signal)) {
      for (const change of changes) {
        const one = seen(change);
        replica.apply(one);
        watched.saw.push(one);
        watched.upTo = one.revision;
      }
      left -= changes.length;
      if (left <= 0) break;
      if (this.#random.below(3) === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

export const simulated = { resources };
