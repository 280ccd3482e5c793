// Services against a quota: how many, how many with a load balancer, how many node ports.
import { quantityFromValue } from '../quantity.ts';
import type { Service } from '../types.gen.ts';
import type { Evaluator } from './evaluators.ts';

const names = ['count/services', 'services', 'services.nodeports', 'services.loadbalancers'];

export const serviceEvaluator: Evaluator = {
  handles: (operation, subresource) => subresource === '' && (operation === 'CREATE' || operation === 'UPDATE'),
  matching: (hard) => hard.filter((name) => names.includes(name)),
  matchesScope: () => false,
  usage(object) {
    const { spec } = object as Service;
    const isBalanced = spec?.type === 'LoadBalancer';
    const counts = [1, 1, nodePorts(object as Service), isBalanced ? 1 : 0];
    return new Map(names.map((name, i) => [name, quantityFromValue(counts[i] ?? 0)]));
  },
};

/** What will be allocated, not what is: on create nothing is yet. */
function nodePorts({ spec }: Service): number {
  const ports = spec?.ports ?? [];
  if (spec?.type === 'NodePort') return ports.length;
  if (spec?.type !== 'LoadBalancer') return 0;
  return spec.allocateLoadBalancerNodePorts === false ? ports.filter(({ nodePort }) => nodePort).length : ports.length;
}
