// Which endpoints a service's port leads to, seen from one node. Terminating endpoints are used only when no ready one is left,
// as kube-proxy does.
// Follows https://kubernetes.io/docs/reference/networking/virtual-ips/#traffic-policies (and #traffic-to-terminating-endpoints)
import type { Endpoint, EndpointSlice, ServicePort } from '../../../core/api/types.gen.ts';

/** Where a node stands. */
export interface NodePlace {
  name: string;
  zone: string | undefined;
}

export interface Target {
  address: string;
  port: number;
  isLocal: boolean;
}

/** In the order of addresses and ports. */
export interface Targets {
  /** Anywhere in the cluster, or those that stand near where the endpoints' hints allow it. */
  cluster: readonly Target[];
  /** On this node. */
  local: readonly Target[];
}

interface Candidate extends Target {
  ready: boolean;
  ending: boolean;
  zones: readonly string[];
  nodes: readonly string[];
}

export function targetsOf(port: ServicePort, slices: readonly EndpointSlice[], node: NodePlace): Targets {
  const all = candidates(port, slices, node.name);
  return { cluster: bare(near(usable(all), node)), local: bare(usable(all.filter(({ isLocal }) => isLocal))) };
}

function candidates(port: ServicePort, slices: readonly EndpointSlice[], nodeName: string): Candidate[] {
  const found = new Map<string, Candidate>();
  for (const slice of slices) {
    if (slice.addressType !== 'IPv4') continue;
    for (const number of numbersOf(port, slice)) {
      for (const endpoint of slice.endpoints ?? []) {
        const candidate = candidateOf(endpoint, number, nodeName);
        const key = `${candidate.address}:${number}`;
        // While an endpoint moves from one slice to another it may stand in both: the better word counts.
        if (!found.get(key)?.ready) found.set(key, candidate);
      }
    }
  }
  return [...found.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, candidate]) => candidate);
}

/** The slice has resolved names of target ports; one without a number stands for any, which cannot be forwarded to. */
const numbersOf = ({ name = '', protocol = 'TCP' }: ServicePort, { ports }: EndpointSlice): number[] =>
  (ports ?? [])
    .filter((port) => (port.name ?? '') === name && (port.protocol ?? 'TCP') === protocol)
    .flatMap((port) => port.port ?? []);

function candidateOf({ addresses, conditions, nodeName: on, hints }: Endpoint, port: number, nodeName: string) {
  const serving = conditions?.serving ?? conditions?.ready ?? true;
  return {
    address: addresses[0] ?? '',
    port,
    isLocal: on === nodeName,
    ready: conditions?.ready ?? true,
    ending: serving && conditions?.terminating === true,
    zones: (hints?.forZones ?? []).map(({ name }) => name),
    nodes: (hints?.forNodes ?? []).map(({ name }) => name),
  };
}

function usable(all: readonly Candidate[]): readonly Candidate[] {
  const ready = all.filter((candidate) => candidate.ready);
  return ready.length > 0 ? ready : all.filter((candidate) => candidate.ending);
}

/** Hints count only when every endpoint is ready and has one, and some are meant for here. */
function near(all: readonly Candidate[], { name, zone }: NodePlace): readonly Candidate[] {
  if (!all.every(({ ready }) => ready)) return all;
  const here = all.filter(({ nodes }) => nodes.includes(name));
  if (here.length > 0 && all.every(({ nodes }) => nodes.length > 0)) return here;
  const inZone = zone === undefined ? [] : all.filter(({ zones }) => zones.includes(zone));
  if (inZone.length > 0 && all.every(({ zones }) => zones.length > 0)) return inZone;
  return all;
}

const bare = (all: readonly Candidate[]): Target[] =>
  all.map(({ address, port, isLocal }) => ({ address, port, isLocal }));
