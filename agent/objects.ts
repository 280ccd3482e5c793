// What sync brought besides pods: config maps, secrets, the node, the cluster's network. Read by volumes, environment, pull
// secrets, and by what the node does for services.
import type { NetworkChanges } from '../core/api/node-sync.ts';
import type { ConfigMap, Node, Secret, Service } from '../core/api/types.gen.ts';
import { NetworkCache } from './net/network-objects.ts';

export interface PodSources {
  configMap(namespace: string, name: string): ConfigMap | undefined;
  secret(namespace: string, name: string): Secret | undefined;
  /** All there are, those without a cluster IP too. */
  services(): Iterable<Service>;
  node(): Node | undefined;
  /** False until the control plane answered once: what is missing may only be unknown. */
  complete(): boolean;
}

const key = (of: { metadata?: { namespace?: string; name?: string } }): string =>
  `${of.metadata?.namespace}/${of.metadata?.name}`;

export class ObjectCache implements PodSources {
  readonly #configMaps = new Map<string, ConfigMap>();
  readonly #secrets = new Map<string, Secret>();
  readonly network = new NetworkCache();
  #node: Node | undefined;
  #complete = false;

  complete(): boolean {
    return this.#complete;
  }

  configMap(namespace: string, name: string): ConfigMap | undefined {
    return this.#configMaps.get(`${namespace}/${name}`);
  }

  secret(namespace: string, name: string): Secret | undefined {
    return this.#secrets.get(`${namespace}/${name}`);
  }

  services(): Iterable<Service> {
    return this.network.services();
  }

  node(): Node | undefined {
    return this.#node;
  }

  /** Takes one answer in; returns `namespace/name` of the config maps and secrets that changed, came or went. */
  apply(answer: {
    full: boolean;
    node: Node;
    configMaps: ConfigMap[];
    secrets: Secret[];
    network?: NetworkChanges;
    missing: string[];
  }): Set<string> {
    const changed = new Set<string>();
    this.#node = answer.node;
    this.#complete ||= answer.full;
    if (answer.network) this.network.apply(answer.network, answer.full);
    this.#take(this.#configMaps, answer.configMaps, answer.full, changed);
    this.#take(this.#secrets, answer.secrets, answer.full, changed);
    for (const name of answer.missing) {
      const [kind, ...rest] = name.split('/');
      const gone = rest.join('/');
      const cache = /^secrets?$/i.test(kind!)
        ? this.#secrets
        : /^configmaps?$/i.test(kind!)
          ? this.#configMaps
          : undefined;
      if (cache?.delete(gone)) changed.add(gone);
    }
    return changed;
  }

  #take<T extends ConfigMap | Secret>(cache: Map<string, T>, objects: T[], full: boolean, changed: Set<string>): void {
    for (const object of objects) {
      const before = cache.get(key(object));
      if (before?.metadata?.resourceVersion === object.metadata?.resourceVersion && before) continue;
      cache.set(key(object), object);
      changed.add(key(object));
    }
    if (!full) return;
    const present = new Set(objects.map(key));
    for (const name of cache.keys()) {
      if (present.has(name)) continue;
      cache.delete(name);
      changed.add(name);
    }
  }
}
