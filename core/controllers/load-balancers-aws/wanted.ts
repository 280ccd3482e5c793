// What a service's Network Load Balancer is to be: its listeners, what they lead to, and who may reach them.
import type { ServicePort, ServiceSpec } from '../../api/types.gen.ts';
import type { StoredService } from '../endpoints/service-pods.ts';
import { type Scheme, schemeOf } from './asked.ts';

export type BalancerProtocol = 'TCP' | 'UDP';

/** A target group never changes but for its targets: what else differs is another one, with another name. */
export interface TargetGroupPlan {
  name: string;
  protocol: BalancerProtocol;
  /** Node port. */
  port: number;
  /** HTTP asks for /healthz. */
  health: { protocol: 'TCP' | 'HTTP'; port: number };
}

/** Who may come in. */
export interface Opening {
  protocol: BalancerProtocol;
  port: number;
  cidr: string;
}

export interface WantedBalancer {
  name: string;
  scheme: Scheme;
  listeners: { protocol: BalancerProtocol; port: number; targets: TargetGroupPlan }[];
  openings: Opening[];
  instances: readonly string[];
}

/** What stands in the way, for the user. */
export interface Refusal {
  refused: string;
}

/**
 * AWS allows 32 characters for names of load balancers and target groups; 14 digits of the service's uid (a random UUID) keep
 * services apart. A security group has the load balancer's name.
 * https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html
 */
export const balancerName = ({ metadata }: StoredService): string =>
  `k8s-${metadata.uid.replaceAll('-', '').slice(0, 14)}`;

export function wantedBalancer(service: StoredService, instances: readonly string[]): WantedBalancer | Refusal {
  const spec: ServiceSpec = service.spec ?? {};
  const scheme = schemeOf(service);
  if (!scheme) return { refused: 'the scheme must be internal or internet-facing' };
  const name = balancerName(service);
  const listeners: WantedBalancer['listeners'] = [];
  for (const port of spec.ports ?? []) {
    const targets = targetsOf(name, spec, port);
    if ('refused' in targets) return targets;
    // One that answers for both protocols would need the same node port for both.
    if (listeners.some((other) => other.port === port.port)) {
      return { refused: `a Network Load Balancer has one protocol for port ${port.port}` };
    }
    listeners.push({ protocol: targets.protocol, port: port.port, targets });
  }
  const ranges = spec.loadBalancerSourceRanges?.length ? spec.loadBalancerSourceRanges : ['0.0.0.0/0'];
  const ipv4 = [...new Set(ranges.map((range) => range.trim()))].filter((range) => !range.includes(':'));
  const openings = listeners.flatMap(({ protocol, port }) => ipv4.map((cidr) => ({ protocol, port, cidr })));
  return { name, scheme, listeners, openings, instances };
}

function targetsOf(balancer: string, spec: ServiceSpec, port: ServicePort): TargetGroupPlan | Refusal {
  const { nodePort } = port;
  if (port.protocol === 'SCTP') return { refused: 'a Network Load Balancer knows no SCTP' };
  const protocol = port.protocol === 'UDP' ? 'UDP' : 'TCP';
  if (!nodePort) return { refused: `port ${port.port} has no node port (spec.allocateLoadBalancerNodePorts)` };
  const group = (health: TargetGroupPlan['health'], suffix: string): TargetGroupPlan => ({
    name: `${balancer}-${protocol === 'TCP' ? 't' : 'u'}${nodePort}${suffix}`,
    protocol,
    port: nodePort,
    health,
  });
  // Only nodes with an endpoint answer there.
  if (spec.externalTrafficPolicy === 'Local' && spec.healthCheckNodePort) {
    return group({ protocol: 'HTTP', port: spec.healthCheckNodePort }, `h${spec.healthCheckNodePort}`);
  }
  if (protocol === 'TCP') return group({ protocol: 'TCP', port: nodePort }, '');
  // Whether something answers by UDP cannot be checked.
  const beside = spec.ports?.find((other) => (other.protocol ?? 'TCP') === 'TCP' && other.nodePort)?.nodePort;
  if (beside) return group({ protocol: 'TCP', port: beside }, `t${beside}`);
  return {
    refused: `nodes cannot be checked by UDP (port ${port.port}): it needs a TCP port beside it, or externalTrafficPolicy: Local`,
  };
}
