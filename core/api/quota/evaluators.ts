// How much of a quota an object uses: one evaluator for each resource; those without one of their own are counted.
// Source: https://kubernetes.io/docs/concepts/policy/resource-quotas/
import type { KubeObject } from '../objects.ts';
import { quantityFromValue } from '../quantity.ts';
import type { ScopedResourceSelectorRequirement as ScopeRequirement } from '../types.gen.ts';
import type { Amounts } from './amounts.ts';
import { claimEvaluator } from './claims.ts';
import { podEvaluator } from './pods.ts';
import { serviceEvaluator } from './services.ts';

export type WriteOperation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';

export interface Evaluator {
  /** Whether a write may change what is used. */
  handles(operation: WriteOperation, subresource: string, object: KubeObject, old: KubeObject | undefined): boolean;
  /** Those names of a quota that this evaluator measures. */
  matching(names: readonly string[]): string[];
  matchesScope(scope: ScopeRequirement, object: KubeObject): boolean;
  usage(object: KubeObject, nowMs: number): Amounts;
  /** Why an object cannot be counted against a quota for these names; undefined when it can. */
  constraint?(names: readonly string[], object: KubeObject): string | undefined;
}

/** Names from before `count/...`. */
const aliases: Readonly<Record<string, string>> = {
  configmaps: 'configmaps',
  resourcequotas: 'resourcequotas',
  replicationcontrollers: 'replicationcontrollers',
  secrets: 'secrets',
};

function countEvaluator(resource: string): Evaluator {
  const names = [`count/${resource}`, ...(aliases[resource] ? [aliases[resource]] : [])];
  const one = quantityFromValue(1);
  return {
    handles: (operation, subresource) => operation === 'CREATE' && subresource === '',
    matching: (hard) => hard.filter((name) => names.includes(name)),
    matchesScope: () => false,
    usage: () => new Map(names.map((name) => [name, one])),
  };
}

/** `resource` as stores name it: "pods", "deployments.apps". */
export function evaluatorFor(resource: string): Evaluator {
  switch (resource) {
    case 'pods':
      return podEvaluator;
    case 'services':
      return serviceEvaluator;
    case 'persistentvolumeclaims':
      return claimEvaluator;
    default:
      return countEvaluator(resource);
  }
}

/** The resource whose objects a name in a quota measures; undefined for a name that nothing measures. */
export function resourceMeasuredBy(name: string): string | undefined {
  if (name.startsWith('count/')) return name.slice('count/'.length);
  if (aliases[name]) return name;
  for (const resource of ['pods', 'services', 'persistentvolumeclaims']) {
    if (evaluatorFor(resource).matching([name]).length > 0) return resource;
  }
  return undefined;
}
