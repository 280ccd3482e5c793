// What services may say but what has no effect, or is on its way out.
import type { Service } from '../../types.gen.ts';

export function* serviceWarnings({ metadata, spec = {} }: Service): Generator<string> {
  const hints = 'service.kubernetes.io/topology-aware-hints';
  if (metadata?.annotations?.[hints] !== undefined) {
    yield `annotation ${hints} is deprecated, please use service.kubernetes.io/topology-mode instead`;
  }
  const headless = spec.type === 'ClusterIP' && spec.clusterIP === 'None';
  const external = (spec.externalIPs ?? []).length > 0;
  if (headless) {
    if (spec.loadBalancerIP) yield 'spec.loadBalancerIP is ignored for headless services';
    if (external) yield 'spec.externalIPs is ignored for headless services';
    if (spec.sessionAffinity !== 'None') yield 'spec.SessionAffinity is ignored for headless services';
  }
  if (external && !headless && spec.type !== 'ExternalName') {
    yield 'spec.externalIPs is deprecated and may no longer be implemented in some clusters';
  }
  if (external && spec.type === 'ExternalName') yield 'spec.externalIPs is ignored when spec.type is "ExternalName"';
  if (spec.externalName && spec.type !== 'ExternalName') {
    yield 'spec.externalName is ignored when spec.type is not "ExternalName"';
  }
  if (spec.trafficDistribution === 'PreferClose') {
    yield 'spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"';
  }
}
