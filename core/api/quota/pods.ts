// Pods against a quota: compute resources while they are not at their end, `count/pods` always.
import { aggregateResources, qosClassOf } from '../kinds/pod/pod-resources.ts';
import { addQuantities, parseQuantity, type Quantity, quantityFromValue } from '../quantity.ts';
import type { Pod, PodAffinityTerm, ScopedResourceSelectorRequirement } from '../types.gen.ts';
import type { Amounts } from './amounts.ts';
import type { Evaluator } from './evaluators.ts';
import { matchesRequirement } from './scopes.ts';

const names = new Set([
  'count/pods',
  'cpu',
  'memory',
  'ephemeral-storage',
  'requests.cpu',
  'requests.memory',
  'requests.ephemeral-storage',
  'limits.cpu',
  'limits.memory',
  'limits.ephemeral-storage',
  'pods',
]);

/** A quota on these demands that every container names them. */
const demanded = ['cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory'];
const computed = ['cpu', 'memory', 'ephemeral-storage'];

const isNative = (name: string): boolean => !name.includes('/') || name.includes('kubernetes.io/');
const isHugePages = (name: string): boolean => name.startsWith('hugepages-');

function isMeasured(name: string): boolean {
  if (names.has(name) || isHugePages(name) || name.startsWith('requests.hugepages-')) return true;
  // Extended resources cannot be overcommitted, so only their requests are measured.
  return name.startsWith('requests.') && !isNative(name);
}

export const podEvaluator: Evaluator = {
  handles(operation, subresource, object, old) {
    if (subresource === 'resize') return operation === 'UPDATE';
    if (subresource !== '') return false;
    if (operation !== 'UPDATE') return operation === 'CREATE';
    return old !== undefined && isTerminating(old as Pod) !== isTerminating(object as Pod);
  },
  matching: (hard) => hard.filter(isMeasured),
  matchesScope: (scope, object) => podMatchesScope(scope, object as Pod),
  usage: (object, nowMs) => podUsage(object as Pod, nowMs),
  constraint: (required, object) => missingResources(required, object as Pod),
};

const isTerminating = ({ spec }: Pod): boolean => (spec?.activeDeadlineSeconds ?? -1) >= 0;

function podUsage(pod: Pod, nowMs: number): Amounts {
  const usage = new Map<string, Quantity>([['count/pods', quantityFromValue(1)]]);
  if (!pod.spec || hasEnded(pod, nowMs)) return usage;
  const requests = totals(pod, 'requests');
  const limits = totals(pod, 'limits');
  for (const [name, quantity] of computeUsage(requests, limits)) usage.set(name, quantity);
  return usage;
}

/** One whose time to end has passed may sit on a lost node and must not hold up its successor. */
function hasEnded({ status, metadata }: Pod, nowMs: number): boolean {
  if (status?.phase === 'Succeeded' || status?.phase === 'Failed') return true;
  const { deletionTimestamp, deletionGracePeriodSeconds } = metadata ?? {};
  if (!deletionTimestamp || deletionGracePeriodSeconds === undefined) return false;
  return nowMs > Date.parse(deletionTimestamp) + deletionGracePeriodSeconds * 1000;
}

/** Containers together, or what the pod as a whole names, and the overhead of its runtime class. */
function totals({ spec }: Pod, which: 'requests' | 'limits'): Map<string, Quantity> {
  if (!spec) return new Map();
  const sums = aggregateResources(spec, which);
  for (const [name, text] of Object.entries(spec.resources?.[which] ?? {})) {
    if (name === 'cpu' || name === 'memory' || isHugePages(name)) sums.set(name, parseQuantity(String(text)));
  }
  for (const [name, text] of Object.entries(spec.overhead ?? {})) {
    const standing = sums.get(name);
    // A limit that nobody set stays unset.
    if (!standing && which === 'limits') continue;
    sums.set(name, standing ? addQuantities(standing, String(text)) : parseQuantity(String(text)));
  }
  return sums;
}

type Quantities = ReadonlyMap<string, Quantity>;

function computeUsage(requests: Quantities, limits: Quantities): Map<string, Quantity> {
  const usage = new Map<string, Quantity>([['pods', quantityFromValue(1)]]);
  for (const name of computed) {
    const request = requests.get(name);
    const limit = limits.get(name);
    if (request) usage.set(name, request).set(`requests.${name}`, request);
    if (limit) usage.set(`limits.${name}`, limit);
  }
  for (const [name, request] of requests) {
    if (isHugePages(name)) usage.set(name, request).set(`requests.${name}`, request);
    else if (!isNative(name)) usage.set(`requests.${name}`, request);
  }
  return usage;
}

function missingResources(required: readonly string[], { spec }: Pod): string | undefined {
  if (!spec || Object.keys({ ...spec.resources?.requests, ...spec.resources?.limits }).length > 0) return undefined;
  const wanted = required.filter((name) => demanded.includes(name)).sort();
  const missing = new Map<string, string[]>();
  for (const { name: container, resources } of [...(spec.containers ?? []), ...(spec.initContainers ?? [])]) {
    const parse = (list: Record<string, string | number> | undefined): Quantities =>
      new Map(Object.entries(list ?? {}).map(([name, text]) => [name, parseQuantity(String(text))]));
    const named = computeUsage(parse(resources?.requests), parse(resources?.limits));
    for (const name of wanted) if (!named.has(name)) missing.set(name, [...(missing.get(name) ?? []), container]);
  }
  if (missing.size === 0) return undefined;
  const parts = wanted.filter((name) => missing.has(name));
  return `must specify ${parts.map((name) => `${name} for: ${[...new Set(missing.get(name))].sort().join(',')}`).join('; ')}`;
}

function podMatchesScope(scope: ScopedResourceSelectorRequirement, pod: Pod): boolean {
  switch (scope.scopeName) {
    case 'Terminating':
      return isTerminating(pod);
    case 'NotTerminating':
      return !isTerminating(pod);
    case 'BestEffort':
      return pod.spec !== undefined && qosClassOf(pod.spec) === 'BestEffort';
    case 'NotBestEffort':
      return pod.spec === undefined || qosClassOf(pod.spec) !== 'BestEffort';
    case 'PriorityClass':
      return matchesRequirement(scope, pod.spec?.priorityClassName ? [pod.spec.priorityClassName] : []);
    case 'CrossNamespacePodAffinity':
      return looksAcrossNamespaces(pod);
    default:
      return false;
  }
}

function looksAcrossNamespaces({ spec }: Pod): boolean {
  const { podAffinity, podAntiAffinity } = spec?.affinity ?? {};
  const terms: PodAffinityTerm[] = [podAffinity, podAntiAffinity].flatMap((affinity) => [
    ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(({ podAffinityTerm }) => podAffinityTerm),
  ]);
  return terms.some(
    ({ namespaces, namespaceSelector }) => (namespaces?.length ?? 0) > 0 || namespaceSelector !== undefined,
  );
}
