// The scheduler's picture of the cluster: nodes, pods on them, and pods about to be on them (assumed).
import { sameValue } from '../api/kinds/findings.ts';
import type { LabelSelector, PersistentVolume, PersistentVolumeClaim } from '../api/types.gen.ts';
import type { ClusterEvent } from './filters/filter.ts';
import { NodeInfo, type StoredNode } from './node-info.ts';
import { type CountByNode, type PodGroup, PodGroups } from './pod-groups.ts';
import { isTerminal, type PodInfo, podInfo, type StoredPod, spreadOwner } from './pod-info.ts';
import type { Snapshot } from './snapshot.ts';

/** Signatures for which verdicts are kept, and verdicts (one for each node); beyond either all are forgotten. */
const SIGNATURE_LIMIT = 512;
const VERDICT_LIMIT = 500_000;

interface Placed {
  info: PodInfo;
  node: string;
  assumed: boolean;
}

export class Cluster implements Snapshot {
  readonly #nodes = new Map<string, NodeInfo>();
  /** Pods of nodes that are not known (yet). */
  readonly #strays = new Map<string, Map<string, PodInfo>>();
  readonly #placed = new Map<string, Placed>();
  readonly #namespaces = new Map<string, Record<string, string>>();
  readonly #claims = new Map<string, PersistentVolumeClaim>();
  readonly #volumes = new Map<string, PersistentVolume>();
  readonly #services = new Map<string, Map<string, LabelSelector>>();
  readonly #images = new Map<string, number>();
  readonly #signatures = new Map<string, number>();
  readonly #groups = new PodGroups();
  readonly nodesWithAffinity = new Set<NodeInfo>();
  readonly nodesWithRequiredAntiAffinity = new Set<NodeInfo>();
  imageEpoch = 0;
  startIndex = 0;
  #order: NodeInfo[] | undefined;
  #nextSignature = 0;

  get nodes(): readonly NodeInfo[] {
    this.#order ??= inTurns(this.#nodes.values());
    return this.#order;
  }

  node(name: string): NodeInfo | undefined {
    return this.#nodes.get(name);
  }

  countByNode(group: PodGroup): CountByNode {
    return this.#groups.count(group, this.#nodes.values());
  }

  namespaceLabels(namespace: string): Record<string, string> | undefined {
    return this.#namespaces.get(namespace);
  }

  claim(namespace: string, name: string): PersistentVolumeClaim | undefined {
    return this.#claims.get(`${namespace}/${name}`);
  }

  volume(name: string): PersistentVolume | undefined {
    return this.#volumes.get(name);
  }

  serviceSelectors(namespace: string): Iterable<LabelSelector> {
    return this.#services.get(namespace)?.values() ?? [];
  }

  /** What a service selects; undefined: it is gone, or selects nothing. */
  setService(namespace: string, name: string, selector: Record<string, string> | undefined): void {
    const services = this.#services.get(namespace) ?? new Map<string, LabelSelector>();
    if (selector) services.set(name, { matchLabels: selector });
    else services.delete(name);
    if (services.size > 0) this.#services.set(namespace, services);
    else this.#services.delete(namespace);
  }

  setClaim(namespace: string, name: string, claim: PersistentVolumeClaim | undefined): ClusterEvent {
    if (claim) this.#claims.set(`${namespace}/${name}`, claim);
    else this.#claims.delete(`${namespace}/${name}`);
    return { what: 'storage-changed' };
  }

  setVolume(name: string, volume: PersistentVolume | undefined): ClusterEvent {
    if (volume) this.#volumes.set(name, volume);
    else this.#volumes.delete(name);
    return { what: 'storage-changed' };
  }

  imageSpread(name: string): number {
    return this.#images.get(name) ?? 0;
  }

  signatureId(signature: string): number {
    let id = this.#signatures.get(signature);
    if (id === undefined) {
      const { size } = this.#signatures;
      if (size >= SIGNATURE_LIMIT || size * this.#nodes.size >= VERDICT_LIMIT) {
        this.#signatures.clear();
        for (const node of this.#nodes.values()) node.verdicts.clear();
      }
      id = this.#nextSignature++;
      this.#signatures.set(signature, id);
    }
    return id;
  }

  /** The next search begins after the nodes that this one tried. */
  advance(tried: number): void {
    this.startIndex = this.#nodes.size === 0 ? 0 : (this.startIndex + tried) % this.#nodes.size;
  }

  setNamespace(name: string, labels: Record<string, string> | undefined): ClusterEvent | undefined {
    const before = this.#namespaces.get(name);
    if (labels) this.#namespaces.set(name, labels);
    else this.#namespaces.delete(name);
    return sameValue(before, labels) ? undefined : { what: 'namespace-changed' };
  }

  setNode(node: StoredNode): ClusterEvent | undefined {
    const { name } = node.metadata;
    const known = this.#nodes.get(name);
    if (known) return this.#updateNode(known, node);
    const info = new NodeInfo(node);
    this.#nodes.set(name, info);
    this.#order = undefined;
    this.#countImages(info, 1);
    for (const pod of this.#strays.get(name)?.values() ?? []) {
      info.add(pod);
      this.#groups.added(pod, info);
    }
    this.#strays.delete(name);
    this.#classify(info);
    return { what: 'node-added', node: info };
  }

  #updateNode(info: NodeInfo, node: StoredNode): ClusterEvent | undefined {
    const before = info.node;
    const imagesChanged = !sameValue(before.status?.images, node.status?.images);
    if (imagesChanged) this.#countImages(info, -1);
    const zone = info.zone;
    const changed = info.update(node);
    if (imagesChanged) this.#countImages(info, 1);
    if (!changed) return undefined;
    if (zone !== info.zone) this.#order = undefined;
    return {
      what: 'node-updated',
      node: info,
      labels: !sameValue(before.metadata.labels, node.metadata.labels),
      taints:
        !sameValue(before.spec?.taints, node.spec?.taints) || before.spec?.unschedulable !== node.spec?.unschedulable,
      allocatable: !sameValue(before.status?.allocatable, node.status?.allocatable),
    };
  }

  removeNode(name: string): void {
    const info = this.#nodes.get(name);
    if (!info) return;
    this.#countImages(info, -1);
    this.#groups.nodeRemoved(info);
    this.#nodes.delete(name);
    this.#order = undefined;
    this.nodesWithAffinity.delete(info);
    this.nodesWithRequiredAntiAffinity.delete(info);
    if (info.pods.size > 0) this.#strays.set(name, new Map(info.pods));
  }

  #countImages(info: NodeInfo, sign: 1 | -1): void {
    if (info.images.size === 0) return;
    for (const name of info.images.keys()) this.#images.set(name, (this.#images.get(name) ?? 0) + sign);
    this.imageEpoch++;
  }

  isPlaced(uid: string): boolean {
    return this.#placed.has(uid);
  }

  /** A pod as the API shows it. Returns the event for those who wait. */
  setPod(pod: StoredPod): ClusterEvent | undefined {
    const { uid } = pod.metadata;
    const node = pod.spec?.nodeName;
    const placed = this.#placed.get(uid);
    if (!node || isTerminal(pod)) return node ? this.removePod(pod) : undefined;
    if (placed?.node === node) {
      const before = placed.info.pod;
      const same =
        before.metadata.generation === pod.metadata.generation &&
        sameValue(before.metadata.labels, pod.metadata.labels) &&
        placed.info.spreadWith === spreadOwner(pod) &&
        before.metadata.deletionTimestamp === pod.metadata.deletionTimestamp;
      placed.assumed = false;
      if (same) {
        placed.info.pod = pod;
        return undefined;
      }
    }
    if (placed) this.#take(uid);
    this.#put(podInfo(pod), node, false);
    return placed ? { what: 'pod-updated', pod } : { what: 'pod-added', pod };
  }

  removePod(pod: StoredPod): ClusterEvent | undefined {
    return this.#take(pod.metadata.uid) ? { what: 'pod-removed', pod } : undefined;
  }

  /** Counts the pod as being on the node until the API says so, or the binding fails. */
  assume(info: PodInfo, node: string): void {
    this.#put(info, node, true);
  }

  /** The binding failed: the pod is not there after all. Nothing happens once the API has shown it there. */
  forget(uid: string): void {
    if (this.#placed.get(uid)?.assumed) this.#take(uid);
  }

  #put(info: PodInfo, name: string, assumed: boolean): void {
    const { uid } = info.pod.metadata;
    this.#placed.set(uid, { info, node: name, assumed });
    const node = this.#nodes.get(name);
    if (node) {
      node.add(info);
      this.#groups.added(info, node);
      this.#classify(node);
      return;
    }
    let strays = this.#strays.get(name);
    if (!strays) this.#strays.set(name, (strays = new Map()));
    strays.set(uid, info);
  }

  #take(uid: string): boolean {
    const placed = this.#placed.get(uid);
    if (!placed) return false;
    this.#placed.delete(uid);
    this.#strays.get(placed.node)?.delete(uid);
    const node = this.#nodes.get(placed.node);
    if (node) {
      node.remove(uid);
      this.#groups.removed(placed.info, node);
      this.#classify(node);
    }
    return true;
  }

  #classify(node: NodeInfo): void {
    if (node.podsWithAffinity.size > 0) this.nodesWithAffinity.add(node);
    else this.nodesWithAffinity.delete(node);
    if (node.podsWithRequiredAntiAffinity.size > 0) this.nodesWithRequiredAntiAffinity.add(node);
    else this.nodesWithRequiredAntiAffinity.delete(node);
  }
}

/** One of each zone after the other, so that a search that ends early has seen them all. */
function inTurns(nodes: Iterable<NodeInfo>): NodeInfo[] {
  const zones = new Map<string, NodeInfo[]>();
  for (const node of nodes) {
    const zone = zones.get(node.zone);
    if (zone) zone.push(node);
    else zones.set(node.zone, [node]);
  }
  const longest = Math.max(0, ...[...zones.values()].map((zone) => zone.length));
  const order: NodeInfo[] = [];
  for (let i = 0; i < longest; i++) {
    for (const zone of zones.values()) if (zone[i]) order.push(zone[i]!);
  }
  return order;
}
