// Which zone each endpoint of a service is meant for: shares of endpoints follow the zones' shares of CPU, so that traffic may stay
// in its zone without one endpoint getting much more than another.
// Follows https://kubernetes.io/docs/concepts/services-networking/topology-aware-routing/ (KEP-2433)
import { isNodeReady } from '../../api/node-ready.ts';
import { quantityMilliValue } from '../../api/quantity.ts';
import type { Endpoint, Node, Service } from '../../api/types.gen.ts';

export const zoneLabel = 'topology.kubernetes.io/zone';
const modeAnnotations = ['service.kubernetes.io/topology-aware-hints', 'service.kubernetes.io/topology-mode'];
/** Nodes with these serve the control plane: nobody's traffic begins there. */
const excludedLabels = ['node-role.kubernetes.io/control-plane', 'node-role.kubernetes.io/master'];
/** By how much more than its share an endpoint may be asked. */
const overload = 0.2;

/** The older annotation goes before the newer one. */
export function isTopologyAware({ metadata }: Service): boolean {
  const values = modeAnnotations.map((name) => metadata?.annotations?.[name]);
  return ['Auto', 'auto'].includes(values.find((value) => value !== undefined) ?? '');
}

const noNodeInfo = 'Insufficient Node information: allocatable CPU or zone not specified on one or more nodes';

/** Each zone's share of the CPU of all ready nodes; undefined when a node does not say, or there are not two zones. */
export function zoneShares(nodes: readonly Node[]): Map<string, number> | undefined {
  const shares = new Map<string, number>();
  let all = 0;
  for (const node of nodes) {
    const labels = node.metadata?.labels ?? {};
    if (excludedLabels.some((name) => name in labels) || !isNodeReady(node)) continue;
    const cpu = quantityMilliValue(String(node.status?.allocatable?.['cpu'] ?? '0'));
    const zone = labels[zoneLabel];
    if (!zone || cpu === 0) return undefined;
    shares.set(zone, (shares.get(zone) ?? 0) + cpu);
    all += cpu;
  }
  if (shares.size < 2) return undefined;
  for (const [zone, cpu] of shares) shares.set(zone, cpu / all);
  return shares;
}

interface Allocation {
  minimum: number;
  maximum: number;
  desired: number;
}

/** A text says why no allocation keeps every endpoint below the overload. */
function allocate(shares: ReadonlyMap<string, number>, count: number): Map<string, Allocation> | string {
  const where = `(${count} endpoints, ${shares.size} zones)`;
  if (shares.size > count) return `Insufficient number of endpoints ${where}`;
  const least = [...shares].map(([zone, share]) => {
    const minimum = Math.ceil((share * count) / (1 + overload));
    return { zone, minimum, desired: Math.max(share * count, minimum) };
  });
  const spare = least.reduce((left, { minimum }) => left - minimum, count);
  if (spare < 0) {
    return `Unable to allocate minimum required endpoints to each zone without exceeding overload threshold ${where}`;
  }
  return new Map(least.map(({ zone, minimum, desired }) => [zone, { minimum, maximum: minimum + spare, desired }]));
}

function most(amounts: ReadonlyMap<string, number>): [string, number] {
  let found: [string, number] = ['', 0];
  for (const entry of amounts) if (entry[1] > found[1]) found = entry;
  return found;
}

/** How many endpoints each zone gives to others, and how many each gets. */
function exchange(
  allocations: ReadonlyMap<string, Allocation>,
  counts: ReadonlyMap<string, number>,
): { gives: Map<string, number>; gets: Map<string, number> } {
  const tooMany = new Map<string, number>();
  const tooFew = new Map<string, number>();
  for (const [zone, { desired }] of allocations) {
    const difference = (counts.get(zone) ?? 0) - desired;
    if (difference > 0) tooMany.set(zone, difference);
    else tooFew.set(zone, -difference);
  }
  const gives = new Map<string, number>();
  const gets = new Map<string, number>();
  for (;;) {
    const [giver, spare] = most(tooMany);
    const [getter, need] = most(tooFew);
    if (!giver || !getter || (spare < 1 && need < 1) || spare < 0.5 || need < 0.5) return { gives, gets };
    gives.set(giver, (gives.get(giver) ?? 0) + 1);
    gets.set(getter, (gets.get(getter) ?? 0) + 1);
    tooMany.set(giver, spare - 1);
    tooFew.set(getter, need - 1);
  }
}

const countsOf = (zones: Iterable<string>): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const zone of zones) counts.set(zone, (counts.get(zone) ?? 0) + 1);
  return counts;
};

/**
 * @param endpoints ready ones of one address type, in an order that stays the same
 * @param before zone that an endpoint is meant for at present; kept as long as no zone has too few or too many
 * @returns the zone of each, or why there can be none
 */
export function zonesFor(
  endpoints: readonly Endpoint[],
  shares: ReadonlyMap<string, number> | undefined,
  before: (endpoint: Endpoint) => string | undefined,
): Map<Endpoint, string> | string {
  if (!shares) return noNodeInfo;
  const allocations = allocate(shares, endpoints.length);
  if (typeof allocations === 'string') return allocations;
  if (endpoints.some(({ zone }) => !zone)) return 'One or more endpoints do not have a zone specified';
  const kept = new Map(endpoints.map((endpoint) => [endpoint, before(endpoint) ?? endpoint.zone!]));
  const now = countsOf(kept.values());
  const isFair = [...allocations].every(([zone, { minimum, maximum }]) => {
    const count = now.get(zone) ?? 0;
    return count >= minimum && count <= maximum;
  });
  if (isFair && [...now.keys()].every((zone) => allocations.has(zone))) return kept;
  const chosen = new Map(endpoints.map((endpoint) => [endpoint, endpoint.zone!]));
  const { gives, gets } = exchange(allocations, countsOf(chosen.values()));
  for (const endpoint of endpoints) {
    const left = gives.get(endpoint.zone!) ?? 0;
    const getter = [...gets].find(([, count]) => count > 0)?.[0];
    if (left === 0 || !getter) continue;
    chosen.set(endpoint, getter);
    gives.set(endpoint.zone!, left - 1);
    gets.set(getter, gets.get(getter)! - 1);
  }
  return chosen;
}
