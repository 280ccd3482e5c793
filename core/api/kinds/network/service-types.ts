// What each type of service comes with: https://kubernetes.io/docs/concepts/services-networking/service/#publishing-services-service-types
import type { ServiceSpec } from '../../types.gen.ts';

export const needsClusterIp = (spec: ServiceSpec): boolean => spec.type !== 'ExternalName';

export const needsNodePorts = (spec: ServiceSpec): boolean => spec.type === 'NodePort' || spec.type === 'LoadBalancer';

export const needsHealthCheckNodePort = (spec: ServiceSpec): boolean =>
  spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local';

export const isExternallyAccessible = (spec: ServiceSpec): boolean =>
  needsNodePorts(spec) || (spec.type === 'ClusterIP' && (spec.externalIPs ?? []).length > 0);
