// Who owns whom, from the metadata of every object of every kind that can be listed, watched and deleted.
import type { KubeObject, ObjectKey } from '../../api/objects.ts';
import type { OwnerReference } from '../../api/types.gen.ts';
import type { ResourceRef } from '../../client/client.ts';
import type { ServedResource } from '../../client/discovery.ts';
import type { Informers } from '../../client/informers.ts';
import { resourceName } from '../../client/resources.ts';

export const finalizers = { orphan: 'orphan', foreground: 'foregroundDeletion' } as const;

export interface GraphNode {
  uid: string;
  of: ResourceRef;
  apiVersion: string;
  kind: string;
  namespace: string;
  name: string;
  owners: readonly OwnerReference[];
  finalizers: readonly string[];
  deleting: boolean;
}

/** Its deletion waits for those of its dependents that block it. */
export const isWaiting = (node: Pick<GraphNode, 'deleting' | 'finalizers'>): boolean =>
  node.deleting && node.finalizers.includes(finalizers.foreground);

export const isOrphaning = (node: Pick<GraphNode, 'deleting' | 'finalizers'>): boolean =>
  node.deleting && node.finalizers.includes(finalizers.orphan);

/** Work of this controller is named by uid: names come again, uids do not. */
export const keyFor = (uid: string): ObjectKey => ({ namespace: '', name: uid });

export function nodeOf(of: ResourceRef, { apiVersion, kind, metadata }: KubeObject): GraphNode {
  return {
    uid: metadata.uid ?? '',
    of,
    apiVersion,
    kind,
    namespace: metadata.namespace ?? '',
    name: metadata.name ?? '',
    owners: metadata.ownerReferences ?? [],
    finalizers: metadata.finalizers ?? [],
    deleting: metadata.deletionTimestamp !== undefined,
  };
}

/** Objects that nobody collects: events go by their age. */
const ignored = new Set(['events', 'events.events.k8s.io']);

export const isCollectable = ({ of, verbs }: ServedResource): boolean =>
  ['list', 'watch', 'delete'].every((verb) => verbs.includes(verb)) && !ignored.has(resourceName(of));

export class OwnerGraph {
  readonly #nodes = new Map<string, GraphNode>();
  readonly #dependents = new Map<string, Set<string>>();
  readonly #followed = new Map<string, () => void>();
  /** Owners found absent: uid and namespace asked in. */
  readonly #absent = new Set<string>();

  get(uid: string): GraphNode | undefined {
    return this.#nodes.get(uid);
  }

  dependentsOf(uid: string): GraphNode[] {
    return [...(this.#dependents.get(uid) ?? [])].flatMap((dependent) => this.#nodes.get(dependent) ?? []);
  }

  isKnownAbsent(uid: string, namespace: string): boolean {
    return this.#absent.has(`${uid}/${namespace}`);
  }

  noteAbsent(uid: string, namespace: string): void {
    if (this.#absent.size > 10_000) this.#absent.clear();
    this.#absent.add(`${uid}/${namespace}`);
  }

  /** Follows what is served now and no longer what is not; each from when its list has arrived. */
  follow(served: readonly ServedResource[], informers: Informers, wake: (uid: string) => void): void {
    const wanted = new Map(served.filter(isCollectable).map((resource) => [resourceName(resource.of), resource.of]));
    for (const [name, unsubscribe] of this.#followed) {
      if (wanted.has(name)) continue;
      unsubscribe();
      this.#followed.delete(name);
    }
    for (const [name, of] of wanted) {
      if (this.#followed.has(name)) continue;
      const informer = informers.forMetadata(of);
      const pending = (): void => {};
      this.#followed.set(name, pending);
      void informer.whenSynced().then(() => {
        if (this.#followed.get(name) !== pending) return;
        const see = (object: KubeObject, _previous: KubeObject | undefined, deleted: boolean): void =>
          this.#see(of, object, deleted, wake);
        this.#followed.set(name, informer.subscribe(see));
      });
    }
  }

  stop(): void {
    for (const unsubscribe of this.#followed.values()) unsubscribe();
    this.#followed.clear();
  }

  #see(of: ResourceRef, object: KubeObject, deleted: boolean, wake: (uid: string) => void): void {
    const node = nodeOf(of, object);
    const before = this.#nodes.get(node.uid);
    if (deleted) this.#remove(node, wake);
    else this.#put(node, before, wake);
  }

  #remove(node: GraphNode, wake: (uid: string) => void): void {
    this.#nodes.delete(node.uid);
    this.#unlink(node);
    for (const dependent of this.#dependents.get(node.uid) ?? []) wake(dependent);
    this.#wakeWaiting(node.owners, wake);
  }

  #put(node: GraphNode, before: GraphNode | undefined, wake: (uid: string) => void): void {
    if (before) this.#unlink(before);
    this.#nodes.set(node.uid, node);
    for (const { uid } of node.owners) {
      let dependents = this.#dependents.get(uid);
      if (!dependents) this.#dependents.set(uid, (dependents = new Set()));
      dependents.add(node.uid);
    }
    const ownersChanged = JSON.stringify(before?.owners ?? []) !== JSON.stringify(node.owners);
    if (ownersChanged) {
      wake(node.uid);
      // A reference taken away, or one that blocks no longer, may let an owner go.
      this.#wakeWaiting(before?.owners ?? [], wake);
    }
    if (isWaiting(node) || isOrphaning(node)) wake(node.uid);
    if (isWaiting(node) && !(before && isWaiting(before))) {
      for (const dependent of this.#dependents.get(node.uid) ?? []) wake(dependent);
    }
  }

  #unlink({ uid, owners }: GraphNode): void {
    for (const owner of owners) {
      const dependents = this.#dependents.get(owner.uid);
      dependents?.delete(uid);
      if (dependents?.size === 0) this.#dependents.delete(owner.uid);
    }
  }

  #wakeWaiting(owners: readonly OwnerReference[], wake: (uid: string) => void): void {
    for (const { uid } of owners) {
      const owner = this.#nodes.get(uid);
      if (owner && (isWaiting(owner) || isOrphaning(owner))) wake(uid);
    }
  }
}
