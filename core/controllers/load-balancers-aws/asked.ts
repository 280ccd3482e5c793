// Which services ask for a Network Load Balancer on AWS, and how. One costs by the hour, so a service gets it only by its class.
// Class and scheme are those of the AWS Load Balancer Controller:
// https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/service/nlb/
import { isNodeReady } from '../../api/node-ready.ts';
import type { Stored } from '../../api/objects.ts';
import type { Node } from '../../api/types.gen.ts';
import type { StoredService } from '../endpoints/service-pods.ts';
import { canonicalJson } from '../hash.ts';
import { isDeleting } from '../owner.ts';

export const balancerClass = 'service.k8s.aws/nlb';
const schemeAnnotation = 'service.beta.kubernetes.io/aws-load-balancer-scheme';
/** https://kubernetes.io/docs/tasks/access-application-cluster/create-external-load-balancer/#garbage-collecting-load-balancers */
export const balancerFinalizer = 'service.kubernetes.io/load-balancer-cleanup';
/** https://kubernetes.io/docs/reference/labels-annotations-taints/#node-kubernetes-io-exclude-from-external-load-balancers */
const excludeLabel = 'node.kubernetes.io/exclude-from-external-load-balancers';

export type Scheme = 'internal' | 'internet-facing';

export const isAskedFor = (service: StoredService): boolean =>
  service.spec?.type === 'LoadBalancer' && service.spec.loadBalancerClass === balancerClass && !isDeleting(service);

const isMarked = (service: StoredService): boolean => (service.metadata.finalizers ?? []).includes(balancerFinalizer);

/** Also one that asks no longer, while something of its load balancer may stand. */
export const isConcerned = (service: StoredService): boolean => isAskedFor(service) || isMarked(service);

/** Undefined: the annotation says neither. */
export function schemeOf({ metadata }: StoredService): Scheme | undefined {
  const said = metadata.annotations?.[schemeAnnotation] ?? 'internal';
  return said === 'internal' || said === 'internet-facing' ? said : undefined;
}

/** Instances that take what a load balancer brings, in order: those of ready nodes that AWS has and nobody excludes. */
export function instancesOf(nodes: readonly Stored<Node>[]): string[] {
  return nodes
    .filter((node) => isNodeReady(node) && !isDeleting(node) && node.metadata.labels?.[excludeLabel] === undefined)
    .flatMap(({ spec }) => /^aws:\/\/\/[^/]*\/(i-[0-9a-z]+)$/.exec(spec?.providerID ?? '')?.[1] ?? [])
    .sort();
}

/**
 * What load balancers depend on, as one text: whoever finds another than before has them looked at. Undefined: no service concerns
 * any, and nobody needs to look. What is written while they are looked at is not in it.
 */
export function dependenceOf(services: readonly StoredService[], nodes: readonly Stored<Node>[]): string | undefined {
  const concerned = services.filter(isConcerned);
  if (concerned.length === 0) return undefined;
  const parts = concerned.map((service) => [
    service.metadata.uid,
    isAskedFor(service),
    service.metadata.annotations?.[schemeAnnotation],
    service.spec,
  ]);
  return canonicalJson([parts.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)), instancesOf(nodes)]);
}
