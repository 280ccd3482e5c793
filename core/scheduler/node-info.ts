// A node with the pods that are on it or about to be, and their sums kept up to date.
import { sameValue } from '../api/kinds/findings.ts';
import type { Stored } from '../api/objects.ts';
import type { Node } from '../api/types.gen.ts';
import { type HostPort, hasAffinity, type PodInfo } from './pod-info.ts';
import { addResources, noResources, type Resources, resourcesOf } from './requests.ts';

export type StoredNode = Stored<Node>;

/** What the rules say of a node, kept for each signature of pods. */
export interface Verdict {
  /** Index of the first rule that looks at the node object alone and refused, -1 when none did. */
  refusedBy: number;
  reason: string;
  /** Raw scores of the rules that look at the node object alone, by score index. */
  scores: readonly number[];
  /** Of the images in the cluster when this was computed. */
  imageEpoch: number;
  /** What the rules say that also look at how much of the node is taken. */
  load: LoadVerdict | undefined;
}

export interface LoadVerdict {
  /** Of the node's load when this was computed. */
  epoch: number;
  /** Why the pod does not fit beside those that are there; undefined: it does. */
  refusals: readonly string[] | undefined;
  /** Sum of the scores, each times its weight. */
  score: number;
}

const zoneOf = ({ metadata }: StoredNode): string =>
  `${metadata.labels?.['topology.kubernetes.io/region'] ?? ''}/${metadata.labels?.['topology.kubernetes.io/zone'] ?? ''}`;

const portKey = ({ ip, protocol, port }: HostPort): string => `${protocol}/${port}/${ip}`;

export class NodeInfo {
  node: StoredNode;
  zone: string;
  allocatable: Resources = noResources();
  allowedPods = 0;
  /** Image name to size in bytes. */
  images = new Map<string, number>();
  readonly requested = noResources();
  readonly weights = noResources();
  readonly pods = new Map<string, PodInfo>();
  readonly podsWithAffinity = new Set<PodInfo>();
  readonly podsWithRequiredAntiAffinity = new Set<PodInfo>();
  readonly #ports = new Map<string, number>();
  readonly verdicts = new Map<number, Verdict>();
  /** Grows whenever a pod comes or goes. */
  loadEpoch = 0;

  constructor(node: StoredNode) {
    this.node = node;
    this.zone = zoneOf(node);
    this.#read();
  }

  /** Takes the node's new state; returns whether anything that rules look at has changed. */
  update(node: StoredNode): boolean {
    const before = this.node;
    this.node = node;
    const same =
      sameValue(before.metadata.labels, node.metadata.labels) &&
      sameValue(before.spec, node.spec) &&
      sameValue(before.status?.allocatable, node.status?.allocatable) &&
      sameValue(before.status?.images, node.status?.images);
    if (same) return false;
    this.zone = zoneOf(node);
    this.verdicts.clear();
    this.#read();
    return true;
  }

  #read(): void {
    const { allocatable, images } = this.node.status ?? {};
    this.allocatable = resourcesOf(allocatable as Record<string, string> | undefined);
    this.allowedPods = Number(allocatable?.['pods'] ?? 0);
    this.images = new Map();
    for (const { names = [], sizeBytes = 0 } of images ?? [])
      for (const name of names) this.images.set(name, sizeBytes);
  }

  add(info: PodInfo): void {
    const { uid } = info.pod.metadata;
    if (this.pods.has(uid)) this.remove(uid);
    this.pods.set(uid, info);
    this.loadEpoch++;
    addResources(this.requested, info.requests);
    addResources(this.weights, info.weights);
    for (const port of info.ports) this.#ports.set(portKey(port), (this.#ports.get(portKey(port)) ?? 0) + 1);
    if (hasAffinity(info)) this.podsWithAffinity.add(info);
    if (info.requiredAntiAffinity.length > 0) this.podsWithRequiredAntiAffinity.add(info);
  }

  remove(uid: string): void {
    const info = this.pods.get(uid);
    if (!info) return;
    this.pods.delete(uid);
    this.loadEpoch++;
    addResources(this.requested, info.requests, -1);
    addResources(this.weights, info.weights, -1);
    for (const port of info.ports) {
      const count = (this.#ports.get(portKey(port)) ?? 0) - 1;
      if (count > 0) this.#ports.set(portKey(port), count);
      else this.#ports.delete(portKey(port));
    }
    this.podsWithAffinity.delete(info);
    this.podsWithRequiredAntiAffinity.delete(info);
  }

  /** A port on every address meets the same port on any. */
  hasPortConflict(wanted: HostPort): boolean {
    if (this.#ports.size === 0) return false;
    if (wanted.ip !== '0.0.0.0') {
      return this.#ports.has(portKey(wanted)) || this.#ports.has(portKey({ ...wanted, ip: '0.0.0.0' }));
    }
    const prefix = portKey({ ...wanted, ip: '' });
    for (const key of this.#ports.keys()) if (key.startsWith(prefix)) return true;
    return false;
  }
}
