// Objects by key, by namespace and by the uid of their controller. Lists are built once and kept until the next change.
import type { KubeObject } from '../api/objects.ts';

class Bucket {
  readonly items = new Map<string, KubeObject>();
  #list: readonly KubeObject[] | undefined;

  put(key: string, object: KubeObject): void {
    this.items.set(key, object);
    this.#list = undefined;
  }

  remove(key: string): void {
    this.items.delete(key);
    this.#list = undefined;
  }

  list(): readonly KubeObject[] {
    this.#list ??= [...this.items.values()];
    return this.#list;
  }
}

class Buckets {
  readonly #buckets = new Map<string, Bucket>();

  put(name: string, key: string, object: KubeObject): void {
    let bucket = this.#buckets.get(name);
    if (!bucket) this.#buckets.set(name, (bucket = new Bucket()));
    bucket.put(key, object);
  }

  remove(name: string, key: string): void {
    const bucket = this.#buckets.get(name);
    bucket?.remove(key);
    if (bucket?.items.size === 0) this.#buckets.delete(name);
  }

  list(name: string): readonly KubeObject[] {
    return this.#buckets.get(name)?.list() ?? [];
  }
}

/** Objects with no controller are found together, by namespace. */
const orphansOf = (namespace: string): string => `orphans/${namespace}`;

const ownerOf = (object: KubeObject): string =>
  object.metadata.ownerReferences?.find((owner) => owner.controller)?.uid ?? orphansOf(object.metadata.namespace ?? '');

/** Only pods are bound to nodes. */
const nodeOf = (object: KubeObject): string =>
  (object.kind === 'Pod' && (object['spec'] as { nodeName?: string } | undefined)?.nodeName) || '';

export class ObjectIndex {
  readonly #all = new Bucket();
  readonly #byNamespace = new Buckets();
  readonly #byController = new Buckets();
  readonly #byNode = new Buckets();

  get size(): number {
    return this.#all.items.size;
  }

  get(key: string): KubeObject | undefined {
    return this.#all.items.get(key);
  }

  list(namespace?: string): readonly KubeObject[] {
    return namespace ? this.#byNamespace.list(namespace) : this.#all.list();
  }

  ownedBy(uid: string): readonly KubeObject[] {
    return this.#byController.list(uid);
  }

  orphans(namespace: string): readonly KubeObject[] {
    return this.#byController.list(orphansOf(namespace));
  }

  onNode(node: string): readonly KubeObject[] {
    return this.#byNode.list(node);
  }

  put(key: string, object: KubeObject): void {
    const previous = this.#all.items.get(key);
    const nodeBefore = previous && nodeOf(previous);
    const node = nodeOf(object);
    if (nodeBefore && nodeBefore !== node) this.#byNode.remove(nodeBefore, key);
    if (node) this.#byNode.put(node, key, object);
    const owner = ownerOf(object);
    const ownerBefore = previous && ownerOf(previous);
    if (ownerBefore && ownerBefore !== owner) this.#byController.remove(ownerBefore, key);
    this.#all.put(key, object);
    if (object.metadata.namespace) this.#byNamespace.put(object.metadata.namespace, key, object);
    this.#byController.put(owner, key, object);
  }

  remove(key: string): void {
    const previous = this.#all.items.get(key);
    if (!previous) return;
    const owner = ownerOf(previous);
    this.#all.remove(key);
    if (previous.metadata.namespace) this.#byNamespace.remove(previous.metadata.namespace, key);
    this.#byController.remove(owner, key);
    const node = nodeOf(previous);
    if (node) this.#byNode.remove(node, key);
  }
}
