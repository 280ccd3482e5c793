// What a pod's containers ask for together, resources of the pod as a whole (KEP-2837), and the QoS class that follows.
import {
  addQuantities,
  compareQuantities,
  formatQuantity,
  isZeroQuantity,
  parseQuantity,
  type Quantity,
} from '../../quantity.ts';
import type { Container, PodSpec } from '../../types.gen.ts';

type List = Record<string, string | number>;
type Sums = Map<string, Quantity>;

const read = (list: List | undefined): [string, Quantity][] =>
  Object.entries(list ?? {}).map(([name, value]) => [name, parseQuantity(String(value))]);

const addTo = (sums: Sums, name: string, quantity: Quantity): void => {
  const before = sums.get(name);
  sums.set(name, before ? addQuantities(before, quantity) : quantity);
};

const raiseTo = (sums: Sums, name: string, quantity: Quantity): void => {
  const before = sums.get(name);
  if (!before || compareQuantities(before, quantity) < 0) sums.set(name, quantity);
};

export const isSidecar = (container: Container): boolean => container.restartPolicy === 'Always';

/**
 * Sum over the containers, or, where that is more, what one init container needs beside the sidecars started before it.
 * https://kubernetes.io/docs/concepts/workloads/pods/init-containers/#resource-sharing-within-containers
 */
export function aggregateResources(spec: PodSpec, which: 'requests' | 'limits'): Sums {
  const total: Sums = new Map();
  for (const container of spec.containers ?? []) {
    for (const [name, quantity] of read(container.resources?.[which])) addTo(total, name, quantity);
  }
  const sidecars: Sums = new Map();
  const initial: Sums = new Map();
  for (const container of spec.initContainers ?? []) {
    const needs: Sums = new Map(read(container.resources?.[which]));
    if (isSidecar(container)) {
      for (const [name, quantity] of needs) {
        addTo(total, name, quantity);
        addTo(sidecars, name, quantity);
        raiseTo(initial, name, sidecars.get(name)!);
      }
      continue;
    }
    for (const [name, quantity] of sidecars) addTo(needs, name, quantity);
    for (const [name, quantity] of needs) raiseTo(initial, name, quantity);
  }
  for (const [name, quantity] of initial) raiseTo(total, name, quantity);
  return total;
}

export const isHugePages = (name: string): boolean => name.startsWith('hugepages-');
const isPodLevelResource = (name: string): boolean => name === 'cpu' || name === 'memory' || isHugePages(name);

/** Fills in resources of the pod as a whole, when it names some, from its containers and from its own limits. */
export function defaultPodLevelResources(spec: PodSpec): void {
  const own = spec.resources;
  if (!own) return;
  if (Object.keys(own.limits ?? {}).length > 0 || Object.keys(own.requests ?? {}).length > 0) {
    for (const [name, quantity] of aggregateResources(spec, 'limits')) {
      if (!isHugePages(name) || own.requests?.[name] !== undefined || own.limits?.[name] !== undefined) continue;
      own.limits = { ...own.limits, [name]: formatQuantity(quantity) };
    }
  }
  if (Object.keys(own.limits ?? {}).length === 0) return;
  const requests: List = { ...own.requests };
  for (const [name, quantity] of aggregateResources(spec, 'requests')) {
    if ((name === 'cpu' || name === 'memory') && requests[name] === undefined)
      requests[name] = formatQuantity(quantity);
  }
  for (const [name, value] of Object.entries(own.limits ?? {})) {
    if (isPodLevelResource(name)) requests[name] ??= value;
  }
  if (Object.keys(requests).length > 0) own.requests = requests;
}

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

/** https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/ */
export function qosClassOf(spec: PodSpec): QosClass {
  const requests: Sums = new Map();
  const limits: Sums = new Map();
  let guaranteed = true;
  const parts = spec.resources
    ? [spec.resources]
    : [...(spec.containers ?? []), ...(spec.initContainers ?? [])].map((c) => c.resources);
  const computeOf = (list: List | undefined) =>
    read(list).filter(([name, quantity]) => (name === 'cpu' || name === 'memory') && !isZeroQuantity(quantity));
  for (const part of parts) {
    for (const [name, quantity] of computeOf(part?.requests)) addTo(requests, name, quantity);
    const limited = computeOf(part?.limits);
    for (const [name, quantity] of limited) addTo(limits, name, quantity);
    if (limited.length < 2) guaranteed = false;
  }
  if (requests.size === 0 && limits.size === 0) return 'BestEffort';
  if (guaranteed) {
    for (const [name, quantity] of requests) {
      const limit = limits.get(name);
      if (!limit || compareQuantities(limit, quantity) !== 0) guaranteed = false;
    }
  }
  return guaranteed && requests.size === limits.size ? 'Guaranteed' : 'Burstable';
}
