// Downward API: fields of the pod and resources of its containers, for environment and files.
// https://kubernetes.io/docs/concepts/workloads/pods/downward-api/
import { compareQuantities, quantityMilliValue, quantityValue } from '../../core/api/quantity.ts';
import type { ObjectFieldSelector, Pod, ResourceFieldSelector } from '../../core/api/types.gen.ts';
import { findContainer } from '../../core/kubelet/containers.ts';

export interface FieldContext {
  pod: Pod;
  podIPs: readonly string[];
  hostIPs: readonly string[];
  /** What a container without a limit may use: the node's allocatable. */
  allocatable: Record<string, string>;
}

/** Go's %q for the values that labels and annotations hold. */
const quoted = (value: string): string => JSON.stringify(value).replace(/\u007f/g, '\\u007f');

const mapText = (map: Record<string, string> | undefined): string =>
  Object.entries(map ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([k, v]) => `${k}=${quoted(v)}`)
    .join('\n');

const subscript = /^(metadata\.(?:labels|annotations))\['([^']+)'\]$/;

/** Throws for a field that is not supported. */
export function fieldValue(context: FieldContext, ref: ObjectFieldSelector): string {
  const { pod } = context;
  const key = subscript.exec(ref.fieldPath);
  if (key) return (key[1] === 'metadata.labels' ? pod.metadata?.labels : pod.metadata?.annotations)?.[key[2]!] ?? '';
  switch (ref.fieldPath) {
    case 'metadata.name':
      return pod.metadata?.name ?? '';
    case 'metadata.namespace':
      return pod.metadata?.namespace ?? '';
    case 'metadata.uid':
      return pod.metadata?.uid ?? '';
    case 'metadata.labels':
      return mapText(pod.metadata?.labels);
    case 'metadata.annotations':
      return mapText(pod.metadata?.annotations);
    case 'spec.nodeName':
      return pod.spec?.nodeName ?? '';
    case 'spec.serviceAccountName':
      return pod.spec?.serviceAccountName ?? '';
    case 'status.hostIP':
      return context.hostIPs[0] ?? '';
    case 'status.hostIPs':
      return context.hostIPs.join(',');
    case 'status.podIP':
      return context.podIPs[0] ?? '';
    case 'status.podIPs':
      return context.podIPs.join(',');
    default:
      throw new Error(`unsupported fieldPath: ${ref.fieldPath}`);
  }
}

/** Milli-units, so that a divisor below one works; rounded up, as Kubernetes does. */
function divided(resource: string, quantity: string, divisor: string): string {
  const by = divisor === '' || compareQuantities(divisor, '0') === 0 ? '1' : divisor;
  if (resource === 'cpu') return String(Math.ceil(quantityMilliValue(quantity) / quantityMilliValue(by)));
  return String(Math.ceil(quantityValue(quantity) / quantityValue(by)));
}

export function resourceValue(context: FieldContext, containerName: string, ref: ResourceFieldSelector): string {
  const container = findContainer(context.pod, ref.containerName || containerName)?.container;
  if (!container) throw new Error(`container ${ref.containerName} not found`);
  const [list, resource] = [
    ref.resource.slice(0, ref.resource.indexOf('.')),
    ref.resource.slice(ref.resource.indexOf('.') + 1),
  ];
  const own = list === 'limits' ? container.resources?.limits?.[resource] : container.resources?.requests?.[resource];
  const limit = own ?? (list === 'limits' ? context.allocatable[resource] : undefined) ?? '0';
  return divided(resource, String(limit), String(ref.divisor ?? ''));
}
