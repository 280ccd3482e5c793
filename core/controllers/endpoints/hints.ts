// The hints of a service's endpoints: for the zone or node that each stands in (trafficDistribution), or for the zone that each is
// allotted to (topology mode Auto, which goes before it).
// Follows https://kubernetes.io/docs/reference/networking/virtual-ips/#traffic-distribution
import type { KubeObject } from '../../api/objects.ts';
import type { Endpoint, EndpointHints, Node } from '../../api/types.gen.ts';
import type { Action } from '../controller.ts';
import type { StoredService } from './service-pods.ts';
import { type EndpointGroup, identity, type StoredSlice } from './slices.ts';
import { isTopologyAware, zoneShares, zonesFor } from './topology.ts';

export interface Hinted {
  groups: EndpointGroup[];
  events: Action[];
}

const isReady = ({ conditions }: Endpoint): boolean => conditions?.ready === true;

function withHints(endpoint: Endpoint, hints: EndpointHints): Endpoint {
  return Object.keys(hints).length > 0 ? { ...endpoint, hints } : endpoint;
}

const each = (groups: readonly EndpointGroup[], change: (endpoint: Endpoint) => Endpoint): EndpointGroup[] =>
  groups.map((group) => ({ ...group, endpoints: group.endpoints.map(change) }));

/** To where it stands. */
function byPlace(groups: readonly EndpointGroup[], nodesToo: boolean): EndpointGroup[] {
  return each(groups, (endpoint) => {
    const { zone, nodeName } = endpoint;
    if (!isReady(endpoint)) return endpoint;
    return withHints(endpoint, {
      ...(zone ? { forZones: [{ name: zone }] } : {}),
      ...(nodesToo && nodeName ? { forNodes: [{ name: nodeName }] } : {}),
    });
  });
}

function byShares(
  service: StoredService,
  groups: EndpointGroup[],
  slices: readonly StoredSlice[],
  nodes: readonly Node[],
) {
  const standing = new Map(
    slices.flatMap(({ endpoints }) => (endpoints ?? []).map((one) => [identity(one), one.hints?.forZones?.[0]?.name])),
  );
  const ready = groups.flatMap(({ endpoints }) => endpoints.filter(isReady));
  ready.sort((a, b) => (identity(a) < identity(b) ? -1 : 1));
  const zones = zonesFor(ready, zoneShares(nodes), (endpoint) => standing.get(identity(endpoint)));
  const [{ addressType = 'IPv4' } = {}] = groups;
  const told = (type: 'Normal' | 'Warning', reason: string, message: string): Action => ({
    do: 'event',
    about: service as unknown as KubeObject,
    type,
    reason,
    message: `${message}, addressType: ${addressType}`,
  });
  if (typeof zones === 'string') return { groups, events: [told('Warning', 'TopologyAwareHintsDisabled', zones)] };
  const wasOff = ![...standing.values()].some((zone) => zone !== undefined);
  const events = wasOff ? [told('Normal', 'TopologyAwareHintsEnabled', 'Topology Aware Hints has been enabled')] : [];
  const hinted = each(groups, (endpoint) => {
    const name = zones.get(endpoint);
    return name === undefined ? endpoint : withHints(endpoint, { forZones: [{ name }] });
  });
  return { groups: hinted, events };
}

/**
 * @param groups endpoints of one address type, without hints
 * @param nodes all there are; looked at only when the service is topology aware
 */
export function hintEndpoints(
  service: StoredService,
  groups: EndpointGroup[],
  slices: readonly StoredSlice[],
  nodes: readonly Node[],
): Hinted {
  if (isTopologyAware(service)) return byShares(service, groups, slices, nodes);
  switch (service.spec?.trafficDistribution) {
    case 'PreferClose':
    case 'PreferSameZone':
      return { groups: byPlace(groups, false), events: [] };
    case 'PreferSameNode':
      return { groups: byPlace(groups, true), events: [] };
    default:
      return { groups, events: [] };
  }
}
