// What a pod asks for and what a node gives, in numbers: CPU in thousandths, the rest in units or bytes.
// Follows https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/#resource-sharing-within-containers and
// https://kubernetes.io/docs/concepts/scheduling-eviction/pod-overhead/
import { quantityMilliValue, quantityValue } from '../api/quantity.ts';
import type { Container, Pod } from '../api/types.gen.ts';

export interface Resources {
  cpuMilli: number;
  memory: number;
  ephemeralStorage: number;
  /** Extended resources and huge pages. */
  scalars: Map<string, number> | undefined;
}

/** What a container that asks for nothing counts as when nodes are compared (not when they are filtered). */
const DEFAULT_CPU_MILLI = 100;
const DEFAULT_MEMORY = 200 * 1024 * 1024;

type Quantities = Record<string, string | number> | undefined;

export const noResources = (): Resources => ({ cpuMilli: 0, memory: 0, ephemeralStorage: 0, scalars: undefined });

/** The same few texts come up for every pod. */
const parsed = new Map<string, number>();
const PARSED_LIMIT = 10_000;

function amountOf(name: string, quantity: string | number): number {
  const text = `${name === 'cpu' ? 'm' : ''}${quantity}`;
  let amount = parsed.get(text);
  if (amount === undefined) {
    if (parsed.size >= PARSED_LIMIT) parsed.clear();
    amount = name === 'cpu' ? quantityMilliValue(String(quantity)) : quantityValue(String(quantity));
    parsed.set(text, amount);
  }
  return amount;
}

const isScalar = (name: string): boolean => name.includes('/') || name.startsWith('hugepages-');

export function resourcesOf(quantities: Quantities): Resources {
  const result = noResources();
  for (const [name, quantity] of Object.entries(quantities ?? {})) {
    const amount = amountOf(name, quantity);
    if (name === 'cpu') result.cpuMilli = amount;
    else if (name === 'memory') result.memory = amount;
    else if (name === 'ephemeral-storage') result.ephemeralStorage = amount;
    else if (isScalar(name)) (result.scalars ??= new Map()).set(name, amount);
  }
  return result;
}

export function addResources(to: Resources, more: Resources, sign: 1 | -1 = 1): void {
  to.cpuMilli += sign * more.cpuMilli;
  to.memory += sign * more.memory;
  to.ephemeralStorage += sign * more.ephemeralStorage;
  for (const [name, amount] of more.scalars ?? []) {
    to.scalars ??= new Map();
    to.scalars.set(name, (to.scalars.get(name) ?? 0) + sign * amount);
  }
}

function raiseTo(to: Resources, least: Resources): void {
  to.cpuMilli = Math.max(to.cpuMilli, least.cpuMilli);
  to.memory = Math.max(to.memory, least.memory);
  to.ephemeralStorage = Math.max(to.ephemeralStorage, least.ephemeralStorage);
  for (const [name, amount] of least.scalars ?? []) {
    to.scalars ??= new Map();
    to.scalars.set(name, Math.max(to.scalars.get(name) ?? 0, amount));
  }
}

function sumOf(...parts: Resources[]): Resources {
  const total = noResources();
  for (const part of parts) addResources(total, part);
  return total;
}

function requestsOf(container: Container, countDefaults: boolean): Resources {
  const quantities = container.resources?.requests as Quantities;
  const requests = resourcesOf(quantities);
  if (countDefaults && quantities?.['cpu'] === undefined) requests.cpuMilli = DEFAULT_CPU_MILLI;
  if (countDefaults && quantities?.['memory'] === undefined) requests.memory = DEFAULT_MEMORY;
  return requests;
}

/**
 * The larger of what runs together (containers and sidecars) and what any init container needs beside the sidecars started
 * before it; pod-level requests stand instead where given; the overhead of the runtime class is added.
 */
export function podRequests(pod: Pod, countDefaults = false): Resources {
  const { containers = [], initContainers = [], overhead, resources } = pod.spec ?? { containers: [] };
  const together = noResources();
  for (const container of containers) addResources(together, requestsOf(container, countDefaults));
  let sidecars = noResources();
  const initial = noResources();
  for (const container of initContainers) {
    const own = requestsOf(container, countDefaults);
    if (container.restartPolicy === 'Always') {
      addResources(together, own);
      sidecars = sumOf(sidecars, own);
      raiseTo(initial, sidecars);
    } else {
      raiseTo(initial, sumOf(sidecars, own));
    }
  }
  raiseTo(together, initial);
  overridePodLevel(together, resources?.requests as Quantities);
  addResources(together, resourcesOf(overhead as Quantities));
  return together;
}

function overridePodLevel(total: Resources, quantities: Quantities): void {
  if (!quantities) return;
  const level = resourcesOf(quantities);
  if (quantities['cpu'] !== undefined) total.cpuMilli = level.cpuMilli;
  if (quantities['memory'] !== undefined) total.memory = level.memory;
  for (const [name, amount] of level.scalars ?? []) (total.scalars ??= new Map()).set(name, amount);
}
