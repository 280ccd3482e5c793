// Which doorbells the controllers' function rings: of the nodes that a batch concerns, before anything else is done, and of
// those that a change concerns which the caches show first (its own writes, mostly).
import type { KubeObject } from '../../core/api/objects.ts';
import { nodesToRing, ringsEveryNode } from '../../core/apiserver/nodes/doorbells.ts';
import { ringsPeers } from '../../core/apiserver/nodes/peers.ts';
import type { Informer } from '../../core/client/informer.ts';
import type { Informers } from '../../core/client/informers.ts';
import { resourceName, resources } from '../../core/client/resources.ts';
import type { Change } from '../../core/store/store.ts';
import type { StreamChange } from '../host/event.ts';

const rung = [
  resources.pods,
  resources.nodes,
  resources.configMaps,
  resources.secrets,
  resources.services,
  resources.endpointSlices,
];

export class Doorbells {
  readonly #informers: Informers;
  readonly #ring: (names: readonly string[]) => Promise<void>;
  readonly #names = new Set<string>();
  #ringing: Promise<void> = Promise.resolve();
  /** Of a cold function: which nodes they concern is known when the pods are. */
  #early: StreamChange[] = [];
  #following = false;
  /** Revisions by resource that a batch has told and the caches have not shown yet. */
  readonly #told = new Map<string, Set<number>>();

  constructor(informers: Informers, ring: (names: readonly string[]) => Promise<void>) {
    this.#informers = informers;
    this.#ring = ring;
  }

  /** Changes of a batch. What the caches have shown was rung then. */
  told(changes: readonly StreamChange[]): void {
    if (!this.#following) {
      this.#early = [...changes];
      return;
    }
    this.#told.clear();
    for (const { resource, revision, change } of changes) {
      const informer = this.#informerOf(resource);
      if (!change || !informer || revision <= informer.revision) continue;
      const standing = informer.get(change.key);
      const isSame = standing?.metadata.uid === change.object.metadata.uid;
      const previous = change.previous ?? (isSame ? standing : undefined);
      this.#add(this.#nodesOf(resource, { ...change, ...(previous ? { previous } : {}) }));
      this.#told.set(resource, (this.#told.get(resource) ?? new Set()).add(revision));
    }
  }

  /** The caches are filled: from now on their changes ring too. */
  follow(): void {
    if (this.#following) return;
    this.#following = true;
    for (const of of rung) {
      let isReplay = true;
      const informer = of === resources.secrets ? this.#informers.forMetadata(of) : this.#informers.for(of);
      informer.subscribe((object, previous, deleted) => {
        if (!isReplay) this.#shown(resourceName(of), object, previous, deleted);
      });
      isReplay = false;
    }
    for (const { resource, change } of this.#early.splice(0)) {
      if (change) this.#add(this.#nodesOf(resource, change));
    }
  }

  /** Resolves when whoever rings has taken all calls. Never rejects: a ring that is lost is only a delay. */
  async settled(): Promise<void> {
    await this.#ringing;
  }

  #shown(resource: string, object: KubeObject, previous: KubeObject | undefined, deleted: boolean): void {
    const { namespace = '', name = '', resourceVersion } = object.metadata;
    if (this.#told.get(resource)?.has(Number(resourceVersion))) return;
    const type = deleted ? 'DELETED' : previous ? 'MODIFIED' : 'ADDED';
    const change = { type, key: { namespace, name }, object, ...(previous ? { previous } : {}) } as const;
    this.#add(this.#nodesOf(resource, change));
  }

  #nodesOf(resource: string, change: Pick<Change, 'type' | 'key' | 'object' | 'previous'>): string[] {
    const concerned = nodesToRing(resource, change, this.#podsIn);
    if (!ringsEveryNode(resource, change) && !ringsPeers(resource, change)) return concerned;
    return [...concerned, ...this.#informers.list(resources.nodes).map(({ metadata }) => metadata.name ?? '')];
  }

  readonly #podsIn = (namespace: string): readonly KubeObject[] => this.#informers.list(resources.pods, namespace);

  #informerOf(resource: string): Informer | undefined {
    return this.#informers.all().find(({ informer }) => resourceName(informer.of) === resource)?.informer;
  }

  /** What comes together is one call. */
  #add(names: readonly string[]): void {
    if (names.length === 0) return;
    const isFirst = this.#names.size === 0;
    for (const name of names) this.#names.add(name);
    if (!isFirst) return;
    const before = this.#ringing;
    this.#ringing = Promise.resolve().then(async () => {
      const all = [...this.#names];
      this.#names.clear();
      await Promise.all([before, this.#ring(all).catch(() => undefined)]);
    });
  }
}
