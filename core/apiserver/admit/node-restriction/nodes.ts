// A node changes only its own object, and nothing of it that decides what is placed on it.
import type { Node } from '../../../api/types.gen.ts';
import { nameOf, refusal } from '../request.ts';
import { type Rule, same } from './rule.ts';

export const nodes: Rule = (node, request) => {
  const name = nameOf(request);
  if (name !== node) throw refusal(request, `node "${node}" is not allowed to modify node "${name}"`);
  if (request.operation !== 'CREATE' && request.operation !== 'UPDATE') return;
  const object = request.object as Node;
  const old = request.old as Node | undefined;
  const labels = forbiddenLabels(object.metadata?.labels ?? {}, old?.metadata?.labels ?? {});
  if (!old) {
    if (labels.length === 0) return;
    throw refusal(request, `node "${node}" is not allowed to set the following labels: ${labels.join(', ')}`);
  }
  // Taints and labels decide what is placed where: a node must not draw workloads to itself.
  if (!same(object.spec?.taints ?? [], old.spec?.taints ?? [])) {
    throw refusal(request, `node "${node}" is not allowed to modify taints`);
  }
  if (!same(object.metadata?.ownerReferences ?? [], old.metadata?.ownerReferences ?? [])) {
    throw refusal(request, `node "${node}" is not allowed to modify ownerReferences`);
  }
  if (labels.length > 0) throw refusal(request, `is not allowed to modify labels: ${labels.join(', ')}`);
};

/** Labels of Kubernetes' own domains that a node sets about itself. */
const ownLabels = new Set([
  'kubernetes.io/hostname',
  'kubernetes.io/arch',
  'kubernetes.io/os',
  'beta.kubernetes.io/instance-type',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/arch',
  'node.kubernetes.io/instance-type',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
]);
const ownDomains = ['kubelet.kubernetes.io', 'node.kubernetes.io'];
const restrictedDomain = 'node-restriction.kubernetes.io';

const within = (domain: string, parent: string): boolean => domain === parent || domain.endsWith(`.${parent}`);

function forbiddenLabels(labels: Record<string, string>, old: Record<string, string>): string[] {
  const keys = new Set([...Object.keys(labels), ...Object.keys(old)]);
  return [...keys]
    .filter((key) => labels[key] !== old[key])
    .filter((key) => {
      const domain = key.includes('/') ? (key.split('/', 1)[0] ?? '') : '';
      if (within(domain, restrictedDomain)) return true;
      if (!within(domain, 'kubernetes.io') && !within(domain, 'k8s.io')) return false;
      return !ownLabels.has(key) && !ownDomains.some((own) => within(domain, own));
    })
    .sort();
}
