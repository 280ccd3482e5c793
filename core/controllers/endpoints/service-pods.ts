// The pods of a service: which count, with what addresses and ports.
// Follows https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/
import type { Stored } from '../../api/objects.ts';
import { serviceNameLabel } from '../../api/service-labels.ts';
import type { ObjectReference, Service, ServicePort } from '../../api/types.gen.ts';
import type { StoredPod } from '../pod-state.ts';
import { isFinished } from '../pod-state.ts';

export type StoredService = Stored<Service>;

export const headlessLabel = 'service.kubernetes.io/headless';

export type AddressType = 'IPv4' | 'IPv6';

export const addressTypeOf = (ip: string): AddressType => (ip.includes(':') ? 'IPv6' : 'IPv4');

/** Services whose endpoints follow from pods: with a selector, and not a mere name for something outside. */
export const selectsPods = ({ spec }: Service): boolean =>
  spec?.type !== 'ExternalName' && Object.keys(spec?.selector ?? {}).length > 0;

export const selectsPod = ({ spec }: Service, labels: Record<string, string> | undefined): boolean =>
  Object.entries(spec?.selector ?? {}).every(([key, value]) => labels?.[key] === value);

export const isHeadless = ({ spec }: Service): boolean => spec?.clusterIP === 'None';

/** A finished pod or one without an address is nobody's endpoint. */
export const hasEndpoint = (pod: StoredPod): boolean =>
  !isFinished(pod) && ((pod.status?.podIPs?.length ?? 0) > 0 || Boolean(pod.status?.podIP));

export const addressesOf = ({ status }: StoredPod): string[] =>
  status?.podIPs?.length ? status.podIPs.map(({ ip }) => ip) : status?.podIP ? [status.podIP] : [];

/** The number behind a service's port on this pod; undefined when a named port is not there. */
export function targetPortOf(pod: StoredPod, { port, targetPort, protocol = 'TCP' }: ServicePort): number | undefined {
  if (targetPort === undefined || targetPort === null || targetPort === 0 || targetPort === '') return port;
  if (typeof targetPort === 'number') return targetPort;
  const sidecars = (pod.spec?.initContainers ?? []).filter((container) => container.restartPolicy === 'Always');
  for (const container of [...(pod.spec?.containers ?? []), ...sidecars]) {
    const found = container.ports?.find((one) => one.name === targetPort && (one.protocol ?? 'TCP') === protocol);
    if (found) return found.containerPort;
  }
  return undefined;
}

/** The name that DNS gives the pod under a headless service of the same name as its subdomain. */
export const hostnameOf = (pod: StoredPod, service: StoredService): string | undefined =>
  pod.spec?.hostname && pod.spec.subdomain === service.metadata.name ? pod.spec.hostname : undefined;

export const referenceTo = ({ metadata: { namespace, name, uid } }: StoredPod): ObjectReference => ({
  kind: 'Pod',
  namespace,
  name,
  uid,
});

/** The service's labels go on to what is made for it, but for those that say what made it. */
export function inheritedLabels(service: StoredService): Record<string, string> {
  const own = new Set([serviceNameLabel, headlessLabel, 'endpointslice.kubernetes.io/managed-by']);
  const inherited = Object.entries(service.metadata.labels ?? {}).filter(([key]) => !own.has(key));
  return { ...Object.fromEntries(inherited), ...(isHeadless(service) ? { [headlessLabel]: '' } : {}) };
}
