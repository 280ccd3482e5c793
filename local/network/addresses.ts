// The address plan of a cluster. Plan i (0 to 63) takes 10.(64+i).0.0/16 for nodes and pods and 10.(128+i).0.0/16 for services.
import { Failure } from '../failure.ts';

export const planCount = 64;
/** Node n has the address .(10+n) and the pod range .(16+n); the last pod range must stay below .255. */
export const maxNodes = 200;

export interface AddressPlan {
  index: number;
  /** Nodes and pods together. */
  cluster: string;
  services: string;
  /** The nodes' own network, and the machine's address in it (where the API server listens too). */
  nodes: string;
  gateway: string;
  /** Tenth address of the service range, on which every node answers DNS. */
  clusterDns: string;
}

export function addressPlan(index: number): AddressPlan {
  const a = `10.${64 + index}`;
  const s = `10.${128 + index}`;
  return {
    index,
    cluster: `${a}.0.0/16`,
    services: `${s}.0.0/16`,
    nodes: `${a}.0.0/24`,
    gateway: `${a}.0.1`,
    clusterDns: `${s}.0.10`,
  };
}

export const nodeAddress = (plan: AddressPlan, number: number): string => `10.${64 + plan.index}.0.${10 + number}`;
export const podRange = (plan: AddressPlan, number: number): string => `10.${64 + plan.index}.${16 + number}.0/24`;

interface Range {
  first: number;
  last: number;
}

/** A CIDR or a plain address. undefined for what is no IPv4 (`default`, IPv6). */
export function parseRange(text: string): Range | undefined {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)(?:\/(\d+))?$/.exec(text);
  if (!match) return undefined;
  const bits = Number(match[5] ?? 32);
  const size = 2 ** (32 - bits);
  const address = match.slice(1, 5).reduce((sum, octet) => sum * 256 + Number(octet), 0);
  const first = address - (address % size);
  return { first, last: first + size - 1 };
}

export function overlaps(a: string, b: string): boolean {
  const x = parseRange(a);
  const y = parseRange(b);
  return x !== undefined && y !== undefined && x.first <= y.last && y.first <= x.last;
}

export interface PlanChoice {
  /** Destinations of this machine's routes. */
  routes: readonly string[];
  /** Plans of other clusters, running or not. */
  taken: readonly number[];
  /** The plan that this cluster has: it keeps it, since its services' addresses are in the store. */
  own?: number;
  /** Where to begin to look. */
  from?: number;
}

/** A plan that overlaps no route and is no other cluster's. Throws Failure when there is none, or the cluster's own has become impossible. */
export function choosePlan({ routes, taken, own, from = 0 }: PlanChoice): AddressPlan {
  const free = (index: number): boolean => {
    const plan = addressPlan(index);
    return !routes.some((route) => overlaps(route, plan.cluster) || overlaps(route, plan.services));
  };
  if (own !== undefined) {
    if (free(own)) return addressPlan(own);
    const { cluster, services } = addressPlan(own);
    throw new Failure(
      `this machine now has a route into the cluster's addresses (${cluster} or ${services})`,
      'remove that route (ip route), or start a new cluster with --name',
    );
  }
  for (let i = 0; i < planCount; i++) {
    const index = (from + i) % planCount;
    if (!taken.includes(index) && free(index)) return addressPlan(index);
  }
  throw new Failure(
    'every address range that Slipway may take is in use on this machine',
    'ip route shows what takes 10.64.0.0/10',
  );
}

/** The default cluster looks from the first plan on, others from a place that their names give: clusters of different homes seldom meet. */
export const firstPlan = (cluster: string, defaultCluster: string): number =>
  cluster === defaultCluster
    ? 0
    : [...cluster].reduce((hash, letter) => (hash * 31 + letter.charCodeAt(0)) % 9973, 7) % planCount;
