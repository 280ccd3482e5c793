// Which nodes a change concerns: their doorbells are rung so that they sync at once. Pure; a doorbell rung in vain costs one
// sync, one missed is a delay until the node's next sync.
import type { KubeObject } from '../../api/objects.ts';
import { serviceNameLabel } from '../../api/service-labels.ts';
import type { Pod } from '../../api/types.gen.ts';
import { orderOf } from '../../store/image.ts';
import type { Change, Resource } from '../../store/store.ts';
import type { Index } from '../lister.ts';
import { podsByConfigMap, podsBySecret, referencesOf } from '../pods-by-node.ts';

/**
 * `podsIn` gives the pods of a namespace that are bound to a node; asked only for config maps and secrets. It may leave out
 * pods that do not name the object: `naming` is the index of those that do, and `value` the object's place in it.
 */
export function nodesToRing(
  resource: Resource,
  change: Pick<Change, 'type' | 'key' | 'object' | 'previous'>,
  podsIn: (namespace: string, naming: Index, value: string) => readonly KubeObject[],
): string[] {
  const { namespace, name } = change.key;
  switch (resource) {
    case 'pods':
      return nodesOfPod(change);
    // A node whose object was deleted registers anew.
    case 'nodes':
      return change.type === 'DELETED' ? [name] : [];
    case 'configmaps':
      return nodesThatName(podsIn(namespace, podsByConfigMap, orderOf(change.key)), (pod) =>
        referencesOf(pod).configMaps.has(name),
      );
    case 'secrets':
      return nodesThatName(podsIn(namespace, podsBySecret, orderOf(change.key)), (pod) =>
        referencesOf(pod).secrets.has(name),
      );
    default:
      return [];
  }
}

/** Resources whose changes every node follows: `ringsEveryNode` says which of them. */
export const networkResources: readonly Resource[] = ['services', 'endpointslices.discovery.k8s.io'];

/** Services and where they lead concern all nodes; what only speaks of the object itself (labels, times) concerns none. */
export function ringsEveryNode(
  resource: Resource,
  { type, object, previous }: Pick<Change, 'type' | 'object' | 'previous'>,
): boolean {
  if (!networkResources.includes(resource)) return false;
  if (type !== 'MODIFIED' || !previous) return true;
  const acted = ({ metadata, apiVersion: _version, kind: _kind, ...rest }: KubeObject): string =>
    JSON.stringify([metadata.uid, metadata.labels?.[serviceNameLabel], rest]);
  return acted(previous) !== acted(object);
}

const nodeOf = (object: KubeObject | undefined): string | undefined => (object as Pod | undefined)?.spec?.nodeName;

function nodesOfPod({ type, object, previous }: Pick<Change, 'type' | 'object' | 'previous'>): string[] {
  const nodes = [...new Set([nodeOf(previous), nodeOf(object)])].filter((node) => node !== undefined && node !== '');
  if (type === 'MODIFIED' && previous && nodeOf(previous) === nodeOf(object) && !concernsNode(previous, object))
    return [];
  return nodes as string[];
}

/** The node's own status reports must not ring its own doorbell; what it acts on or shows to containers does. */
function concernsNode(before: KubeObject, after: KubeObject): boolean {
  const seen = ({ metadata, spec }: KubeObject): string => {
    const { labels, annotations, deletionTimestamp, deletionGracePeriodSeconds, uid } = metadata;
    return JSON.stringify([labels, annotations, deletionTimestamp, deletionGracePeriodSeconds, uid, spec]);
  };
  return seen(before) !== seen(after) || gateConditions(before) !== gateConditions(after);
}

/** Readiness gates: the node works out from them whether the pod is ready. */
function gateConditions(object: KubeObject): string {
  const { spec, status } = object as unknown as Pod;
  const gates = new Set((spec?.readinessGates ?? []).map(({ conditionType }) => conditionType));
  if (gates.size === 0) return '';
  return (status?.conditions ?? [])
    .filter(({ type }) => gates.has(type))
    .map(({ type, status: value }) => `${type}=${value}`)
    .sort()
    .join();
}

const nodesThatName = (pods: readonly KubeObject[], names: (pod: KubeObject) => boolean): string[] => [
  ...new Set(pods.filter((pod) => nodeOf(pod) && names(pod)).map((pod) => nodeOf(pod) as string)),
];
