// Limit ranges of a namespace: defaults for containers that name no resources, and bounds for containers, pods and claims.
// Source: https://kubernetes.io/docs/concepts/policy/limit-range/
import { aggregateResources } from '../../api/kinds/pod/pod-resources.ts';
import {
  compareQuantities,
  formatQuantity,
  isZeroQuantity,
  parseQuantity,
  type Quantity,
  quantityMilliValue,
} from '../../api/quantity.ts';
import type { Container, LimitRange, LimitRangeItem, PersistentVolumeClaim, Pod } from '../../api/types.gen.ts';
import { joined } from '../authorize/role-resolver.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../server.ts';
import { type AdmissionDeps, concerns, podOf, refusal } from './request.ts';

const annotation = 'kubernetes.io/limit-ranger';

type List = Record<string, string | number>;
type Amounts = ReadonlyMap<string, Quantity>;

export const limitRanger = ({ lister }: AdmissionDeps): AdmissionPlugin => ({
  name: 'LimitRanger',
  async mutate(request) {
    if (!concerns(request, 'pods') || request.operation !== 'CREATE') return;
    for (const range of await lister.list('limitranges', request.namespace)) setDefaults(podOf(request), range);
  },
  async validate(request) {
    const isPod = concerns(request, 'pods') && request.operation === 'CREATE';
    const isClaim =
      concerns(request, 'persistentvolumeclaims') && (request.operation === 'CREATE' || request.operation === 'UPDATE');
    if (!(isPod || isClaim) || request.old?.metadata.deletionTimestamp) return undefined;
    for (const range of await lister.list('limitranges', request.namespace)) check(request, range as LimitRange, isPod);
    return undefined;
  },
});

function check(request: AdmissionRequest, { spec }: LimitRange, isPod: boolean): void {
  const errors = (spec?.limits ?? []).flatMap((limit) => {
    if (!isPod) return limit.type === 'PersistentVolumeClaim' ? claimErrors(limit, request.object) : [];
    if (limit.type === 'Container') return containersOf(podOf(request)).flatMap((it) => containerErrors(limit, it));
    return limit.type === 'Pod' ? podErrors(limit, podOf(request)) : [];
  });
  if (errors.length > 0) throw refusal(request, joined(errors));
}

const containersOf = ({ spec }: Pod): Container[] => [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])];

function setDefaults(pod: Pod, { spec }: LimitRange): void {
  const requests: List = {};
  const limits: List = {};
  for (const { type, defaultRequest, default: defaultLimit } of spec?.limits ?? []) {
    if (type !== 'Container') continue;
    Object.assign(requests, defaultRequest);
    Object.assign(limits, defaultLimit);
  }
  const notes = [
    ...(pod.spec?.containers ?? []).flatMap((it) => fillIn(it, 'container', requests, limits)),
    ...(pod.spec?.initContainers ?? []).flatMap((it) => fillIn(it, 'init container', requests, limits)),
  ];
  if (notes.length === 0) return;
  pod.metadata ??= {};
  pod.metadata.annotations = {
    ...pod.metadata.annotations,
    [annotation]: `LimitRanger plugin set: ${notes.join('; ')}`,
  };
}

/** What was set, in the words of the annotation. */
function fillIn(container: Container, kind: string, requests: List, limits: List): string[] {
  const set = (field: 'requests' | 'limits', defaults: List): string[] => {
    const missing = Object.keys(defaults).filter((name) => container.resources?.[field]?.[name] === undefined);
    if (missing.length === 0) return [];
    const added = Object.fromEntries(missing.map((name) => [name, defaults[name]])) as List;
    container.resources = { ...container.resources, [field]: { ...container.resources?.[field], ...added } };
    return missing.sort();
  };
  const setLimits = set('limits', limits);
  const setRequests = set('requests', requests);
  const note = (names: string[], what: string): string[] =>
    names.length > 0 ? [`${names.join(', ')} ${what} for ${kind} ${container.name}`] : [];
  return [...note(setRequests, 'request'), ...note(setLimits, 'limit')];
}

const parse = (list: List | undefined): Amounts =>
  new Map(Object.entries(list ?? {}).map(([name, text]) => [name, parseQuantity(String(text))]));

const inOrder = (list: List | undefined): [string, Quantity][] => [...parse(list)].sort(([a], [b]) => (a < b ? -1 : 1));

const containerErrors = (limit: LimitRangeItem, { resources }: Container): string[] =>
  boundErrors(limit, parse(resources?.requests), parse(resources?.limits));

function podErrors(limit: LimitRangeItem, { spec }: Pod): string[] {
  if (!spec) return [];
  const whole = (which: 'requests' | 'limits'): Amounts =>
    new Map([...aggregateResources(spec, which), ...parse(spec.resources?.[which])]);
  return boundErrors(limit, whole('requests'), whole('limits'));
}

function boundErrors(limit: LimitRangeItem, requests: Amounts, limits: Amounts): string[] {
  const { type } = limit;
  return [
    ...inOrder(limit.min).flatMap(([name, bound]) => minError(type, name, bound, requests, limits)),
    ...inOrder(limit.max).flatMap(([name, bound]) => maxError(type, name, bound, requests, limits)),
    ...inOrder(limit.maxLimitRequestRatio).flatMap(([name, bound]) => ratioError(type, name, bound, requests, limits)),
  ];
}

function claimErrors(limit: LimitRangeItem, object: unknown): string[] {
  const requests = parse((object as PersistentVolumeClaim).spec?.resources?.requests);
  return [
    ...inOrder(limit.min).flatMap(([name, bound]) => minError(limit.type, name, bound, requests, new Map())),
    ...inOrder(limit.max).flatMap(([name, bound]) => {
      const intro = `maximum ${name} usage per ${limit.type} is ${formatQuantity(bound)}`;
      const request = requests.get(name);
      if (!request) return [`${intro}.  No request is specified`];
      return compareQuantities(request, bound) > 0 ? [`${intro}, but request is ${formatQuantity(request)}`] : [];
    }),
  ];
}

function minError(type: string, name: string, bound: Quantity, requests: Amounts, limits: Amounts): string[] {
  const intro = `minimum ${name} usage per ${type} is ${formatQuantity(bound)}`;
  const request = requests.get(name);
  const limit = limits.get(name);
  if (!request) return [`${intro}.  No request is specified`];
  if (compareQuantities(request, bound) < 0) return [`${intro}, but request is ${formatQuantity(request)}`];
  if (limit && compareQuantities(limit, bound) < 0) return [`${intro}, but limit is ${formatQuantity(limit)}`];
  return [];
}

function maxError(type: string, name: string, bound: Quantity, requests: Amounts, limits: Amounts): string[] {
  const intro = `maximum ${name} usage per ${type} is ${formatQuantity(bound)}`;
  const request = requests.get(name);
  const limit = limits.get(name);
  if (!limit) return [`${intro}.  No limit is specified`];
  if (compareQuantities(limit, bound) > 0) return [`${intro}, but limit is ${formatQuantity(limit)}`];
  if (request && compareQuantities(request, bound) > 0) return [`${intro}, but request is ${formatQuantity(request)}`];
  return [];
}

const ratioDigits = 6;

function ratioError(type: string, name: string, bound: Quantity, requests: Amounts, limits: Amounts): string[] {
  const intro = `${name} max limit to request ratio per ${type} is ${formatQuantity(bound)}`;
  const request = requests.get(name);
  const limit = limits.get(name);
  if (!request || isZeroQuantity(request)) return [`${intro}, but no request is specified or request is 0`];
  if (!limit || isZeroQuantity(limit)) return [`${intro}, but no limit is specified or limit is 0`];
  const ratio = quantityMilliValue(limit) / quantityMilliValue(request);
  if (ratio * 1000 <= quantityMilliValue(bound)) return [];
  return [`${intro}, but provided ratio is ${ratio.toFixed(ratioDigits)}`];
}
