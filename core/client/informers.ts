// The caches that one process shares between its controllers and its scheduler: one informer a resource, and for resources of
// which only the metadata matters (ownership), one that keeps no more than that.
import type { KubeObject, ObjectKey } from '../api/objects.ts';
import type { Ports } from '../ports.ts';
import type { Client, ResourceRef } from './client.ts';
import { Informer } from './informer.ts';
import { resourceName } from './resources.ts';

/** Nobody here asks who wrote what, and it is a good part of an object; a write without it leaves it as it is. */
const withoutManagers = (object: KubeObject): KubeObject => {
  if (!object.metadata.managedFields) return object;
  const { managedFields: _managedFields, ...metadata } = object.metadata;
  return { ...object, metadata };
};

const metadataOnly = ({ apiVersion, kind, metadata }: KubeObject): KubeObject => {
  const { managedFields: _managedFields, annotations: _annotations, ...rest } = metadata;
  return { apiVersion, kind, metadata: rest };
};

export class Informers {
  readonly #client: Client;
  readonly #ports: Ports;
  readonly #whole = new Map<string, Informer>();
  readonly #metadata = new Map<string, Informer>();
  #started = false;

  constructor(client: Client, ports: Ports) {
    this.#client = client;
    this.#ports = ports;
  }

  /** The informer of a resource, made (and started, if the others are) when first asked for. */
  for(of: ResourceRef): Informer {
    const name = resourceName(of);
    const informer = this.#whole.get(name);
    const options = { transform: withoutManagers };
    return informer ?? this.#make(this.#whole, name, new Informer(this.#client, this.#ports, of, options));
  }

  /** The informer of a resource of which only metadata is needed: the whole one if there is one. */
  forMetadata(of: ResourceRef): Informer {
    const name = resourceName(of);
    const informer = this.#whole.get(name) ?? this.#metadata.get(name);
    const options = { transform: metadataOnly };
    return informer ?? this.#make(this.#metadata, name, new Informer(this.#client, this.#ports, of, options));
  }

  #make(into: Map<string, Informer>, name: string, informer: Informer): Informer {
    into.set(name, informer);
    if (this.#started) informer.start();
    return informer;
  }

  get(of: ResourceRef, key: ObjectKey): KubeObject | undefined {
    return this.for(of).get(key);
  }

  list(of: ResourceRef, namespace?: string): readonly KubeObject[] {
    return this.for(of).list(namespace);
  }

  ownedBy(of: ResourceRef, ownerUid: string): readonly KubeObject[] {
    return this.for(of).ownedBy(ownerUid);
  }

  orphans(of: ResourceRef, namespace: string): readonly KubeObject[] {
    return this.for(of).orphans(namespace);
  }

  onNode(of: ResourceRef, node: string): readonly KubeObject[] {
    return this.for(of).onNode(node);
  }

  /** Shows the answer of a create, update or patch of this process to those who cache the resource. */
  wrote(of: ResourceRef, object: KubeObject): void {
    for (const informer of this.#existing(of)) informer.wrote(object);
  }

  deletionAsked(of: ResourceRef, key: ObjectKey, uid?: string): void {
    for (const informer of this.#existing(of)) informer.deletionAsked(key, uid);
  }

  async refresh(of: ResourceRef): Promise<void> {
    await Promise.all(this.#existing(of).map((informer) => informer.refresh()));
  }

  /** Every informer there is; `whole` is false for those that keep metadata alone. */
  all(): { informer: Informer; whole: boolean }[] {
    const kept = (whole: boolean) => (informer: Informer) => ({ informer, whole });
    return [...[...this.#whole.values()].map(kept(true)), ...[...this.#metadata.values()].map(kept(false))];
  }

  #existing(of: ResourceRef): Informer[] {
    const name = resourceName(of);
    return [this.#whole.get(name), this.#metadata.get(name)].filter((informer) => informer !== undefined);
  }

  start(): void {
    this.#started = true;
    for (const informer of [...this.#whole.values(), ...this.#metadata.values()]) informer.start();
  }

  stop(): void {
    this.#started = false;
    for (const informer of [...this.#whole.values(), ...this.#metadata.values()]) informer.stop();
  }

  /** Forgets a resource that is served no more. */
  drop(of: ResourceRef): void {
    for (const informer of this.#existing(of)) informer.stop();
    this.#whole.delete(resourceName(of));
    this.#metadata.delete(resourceName(of));
  }
}
