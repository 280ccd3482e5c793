// The caches that one process shares between its controllers and its scheduler: one informer a resource.
import type { KubeObject, ObjectKey } from '../api/objects.ts';
import type { Ports } from '../ports.ts';
import type { Client, ResourceRef } from './client.ts';
import { Informer, type InformerOptions } from './informer.ts';
import { resourceName } from './resources.ts';

export class Informers {
  readonly #client: Client;
  readonly #ports: Ports;
  readonly #informers = new Map<string, Informer>();
  #started = false;

  constructor(client: Client, ports: Ports) {
    this.#client = client;
    this.#ports = ports;
  }

  /** The informer of a resource, made (and started, if the others are) when first asked for. */
  for(of: ResourceRef, options?: InformerOptions): Informer {
    const name = resourceName(of);
    let informer = this.#informers.get(name);
    if (!informer) {
      informer = new Informer(this.#client, this.#ports, of, options);
      this.#informers.set(name, informer);
      if (this.#started) informer.start();
    }
    return informer;
  }

  find(of: ResourceRef): Informer | undefined {
    return this.#informers.get(resourceName(of));
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

  start(): void {
    this.#started = true;
    for (const informer of this.#informers.values()) informer.start();
  }

  stop(): void {
    this.#started = false;
    for (const informer of this.#informers.values()) informer.stop();
  }

  /** Resolves once every informer asked for so far has its first list. */
  async whenSynced(): Promise<void> {
    await Promise.all([...this.#informers.values()].map((informer) => informer.whenSynced()));
  }

  /** Forgets a resource whose definition is gone. */
  drop(of: ResourceRef): void {
    this.find(of)?.stop();
    this.#informers.delete(resourceName(of));
  }
}
