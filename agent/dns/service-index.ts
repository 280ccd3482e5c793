// What services cannot be looked up by: the names that an address has, and whether a namespace has services at all.
import type { NetworkObjects } from '../net/network-objects.ts';
import { publishedAddresses } from './endpoints.ts';

interface Entry {
  namespace: string;
  /** Address and the name that it has, relative to the cluster's domain. */
  names: (readonly [address: string, name: string])[];
}

export class ServiceIndex {
  readonly #objects: NetworkObjects;
  readonly #entries = new Map<string, Entry>();
  readonly #names = new Map<string, string[]>();
  readonly #namespaces = new Map<string, number>();

  constructor(objects: NetworkObjects) {
    this.#objects = objects;
    for (const { metadata } of objects.services()) this.#put(metadata?.namespace ?? '', metadata?.name ?? '');
    objects.onChange((keys) => {
      for (const key of keys) {
        const [namespace = '', name = ''] = key.split('/');
        this.#put(namespace, name);
      }
    });
  }

  hasNamespace(namespace: string): boolean {
    return this.#namespaces.has(namespace);
  }

  /** Relative to the cluster's domain: `web.default.svc`. */
  namesOf(address: string): readonly string[] {
    return this.#names.get(address) ?? [];
  }

  #put(namespace: string, name: string): void {
    const key = `${namespace}/${name}`;
    this.#remove(key);
    const service = this.#objects.service(namespace, name);
    if (!service) return;
    const relative = `${name}.${namespace}.svc`;
    const { clusterIP, clusterIPs = clusterIP ? [clusterIP] : [], type } = service.spec ?? {};
    const names =
      clusterIP === 'None'
        ? publishedAddresses(service, this.#objects.slicesOf(namespace, name)).map(
            ({ address, hostname }) => [address, `${hostname}.${relative}`] as const,
          )
        : type === 'ExternalName'
          ? []
          : clusterIPs.map((address) => [address, relative] as const);
    this.#entries.set(key, { namespace, names });
    this.#namespaces.set(namespace, (this.#namespaces.get(namespace) ?? 0) + 1);
    for (const [address, given] of names) this.#names.set(address, [...this.namesOf(address), given]);
  }

  #remove(key: string): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    this.#entries.delete(key);
    const left = this.#namespaces.get(entry.namespace)! - 1;
    if (left > 0) this.#namespaces.set(entry.namespace, left);
    else this.#namespaces.delete(entry.namespace);
    for (const [address, given] of entry.names) {
      const others = this.namesOf(address).filter((name) => name !== given);
      if (others.length > 0) this.#names.set(address, others);
      else this.#names.delete(address);
    }
  }
}
