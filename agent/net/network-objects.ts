// What a node knows of the cluster's network: services and their endpoint slices, as sync brings them. Read by the rules that
// send packets to services and by whoever answers for their names. And its peers, where it finds the way to their pods itself.
import type { NetworkChanges, NodePeer } from '../../core/api/node-sync.ts';
import { serviceNameLabel } from '../../core/api/service-labels.ts';
import type { EndpointSlice, ObjectMeta, Service } from '../../core/api/types.gen.ts';

/** Objects are shared: never mutate. */
export interface NetworkObjects {
  services(): Iterable<Service>;
  service(namespace: string, name: string): Service | undefined;
  /** Of all address types, whoever made them; empty for a service without any. */
  slicesOf(namespace: string, service: string): readonly EndpointSlice[];
  /**
   * Called after each change with the keys (`namespace/name`) of the services whose own object or slices changed, came or went;
   * the service itself may be missing. Returns what ends it.
   */
  onChange(listener: (services: ReadonlySet<string>) => void): () => void;
}

/** The other nodes; the node itself may be among them. */
export interface NodePeers {
  /** undefined until the control plane has told them. */
  peers(): Iterable<NodePeer> | undefined;
  /** Called after each change. Returns what ends it. */
  onPeersChange(listener: () => void): () => void;
}

const keyOf = ({ metadata }: { metadata?: ObjectMeta }): string => `${metadata?.namespace}/${metadata?.name}`;
const textOf = ({ namespace, name }: { namespace: string; name: string }): string => `${namespace}/${name}`;

/** `undefined`: a slice that belongs to no service. */
function serviceKeyOf({ metadata }: EndpointSlice): string | undefined {
  const name = metadata?.labels?.[serviceNameLabel];
  return name ? `${metadata?.namespace}/${name}` : undefined;
}

const sameVersion = (a: { metadata?: ObjectMeta } | undefined, b: { metadata?: ObjectMeta }): boolean =>
  a?.metadata?.resourceVersion !== undefined &&
  a.metadata.resourceVersion === b.metadata?.resourceVersion &&
  a.metadata.uid === b.metadata?.uid;

export class NetworkCache implements NetworkObjects, NodePeers {
  readonly #services = new Map<string, Service>();
  readonly #slices = new Map<string, EndpointSlice>();
  /** Keys of slices by key of their service. */
  readonly #slicesByService = new Map<string, Set<string>>();
  readonly #listeners = new Set<(services: ReadonlySet<string>) => void>();
  #peers: ReadonlyMap<string, NodePeer> | undefined;
  readonly #peerListeners = new Set<() => void>();

  services(): Iterable<Service> {
    return this.#services.values();
  }

  service(namespace: string, name: string): Service | undefined {
    return this.#services.get(`${namespace}/${name}`);
  }

  slicesOf(namespace: string, service: string): readonly EndpointSlice[] {
    const keys = this.#slicesByService.get(`${namespace}/${service}`) ?? [];
    return [...keys].sort().flatMap((key) => this.#slices.get(key) ?? []);
  }

  onChange(listener: (services: ReadonlySet<string>) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  peers(): Iterable<NodePeer> | undefined {
    return this.#peers?.values();
  }

  onPeersChange(listener: () => void): () => void {
    this.#peerListeners.add(listener);
    return () => this.#peerListeners.delete(listener);
  }

  /** Takes in what one answer brought; `full`: what it does not list is gone. */
  apply(changes: NetworkChanges, full: boolean): void {
    const changed = new Set<string>();
    for (const service of changes.services) {
      if (sameVersion(this.#services.get(keyOf(service)), service)) continue;
      this.#services.set(keyOf(service), service);
      changed.add(keyOf(service));
    }
    for (const slice of changes.endpointSlices) this.#putSlice(slice, changed);
    for (const gone of changes.deletedServices.map(textOf)) if (this.#services.delete(gone)) changed.add(gone);
    for (const gone of changes.deletedEndpointSlices.map(textOf)) this.#dropSlice(gone, changed);
    if (full) this.#keepOnly(changes, changed);
    const { peers, deletedPeers } = changes;
    if (peers || deletedPeers) this.#putPeers(peers ?? [], deletedPeers ?? [], full);
    if (changed.size > 0) for (const listener of [...this.#listeners]) listener(changed);
  }

  #putPeers(told: readonly NodePeer[], gone: readonly string[], full: boolean): void {
    const peers = new Map(full ? [] : this.#peers);
    for (const name of gone) peers.delete(name);
    for (const peer of told) peers.set(peer.name, peer);
    this.#peers = peers;
    for (const listener of [...this.#peerListeners]) listener();
  }

  #putSlice(slice: EndpointSlice, changed: Set<string>): void {
    const key = keyOf(slice);
    if (sameVersion(this.#slices.get(key), slice)) return;
    this.#dropSlice(key, changed);
    this.#slices.set(key, slice);
    const service = serviceKeyOf(slice);
    if (!service) return;
    changed.add(service);
    const siblings = this.#slicesByService.get(service);
    if (siblings) siblings.add(key);
    else this.#slicesByService.set(service, new Set([key]));
  }

  #dropSlice(key: string, changed: Set<string>): void {
    const slice = this.#slices.get(key);
    if (!slice) return;
    this.#slices.delete(key);
    const service = serviceKeyOf(slice);
    if (!service) return;
    changed.add(service);
    const siblings = this.#slicesByService.get(service);
    siblings?.delete(key);
    if (siblings?.size === 0) this.#slicesByService.delete(service);
  }

  #keepOnly(listed: NetworkChanges, changed: Set<string>): void {
    const services = new Set(listed.services.map(keyOf));
    for (const key of [...this.#services.keys()]) {
      if (services.has(key)) continue;
      this.#services.delete(key);
      changed.add(key);
    }
    const slices = new Set(listed.endpointSlices.map(keyOf));
    for (const key of [...this.#slices.keys()]) if (!slices.has(key)) this.#dropSlice(key, changed);
  }
}
