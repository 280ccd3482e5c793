// Node selectors and node affinity terms against a node.
// Follows https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/
import type { Node, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, Pod } from './types.gen.ts';

type Labels = Readonly<Record<string, string>>;

const integer = /^[+-]?\d+$/;

function requirementHolds({ key, operator, values = [] }: NodeSelectorRequirement, labels: Labels): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
    case 'Lt': {
      const bound = values[0];
      if (value === undefined || bound === undefined || !integer.test(value) || !integer.test(bound)) return false;
      return operator === 'Gt' ? BigInt(value) > BigInt(bound) : BigInt(value) < BigInt(bound);
    }
    default:
      return false;
  }
}

/** A term with no requirement at all matches nothing. */
export function termMatches({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm, node: Node): boolean {
  if (matchExpressions.length === 0 && matchFields.length === 0) return false;
  const labels = node.metadata?.labels ?? {};
  const fields = { 'metadata.name': node.metadata?.name ?? '' };
  return (
    matchExpressions.every((requirement) => requirementHolds(requirement, labels)) &&
    matchFields.every((requirement) => requirementHolds(requirement, fields))
  );
}

export const nodeSelectorMatches = (selector: NodeSelector, node: Node): boolean =>
  selector.nodeSelectorTerms.some((term) => termMatches(term, node));

/** spec.nodeSelector and the required node affinity together. */
export function matchesRequiredAffinity(pod: Pod, node: Node): boolean {
  const labels = node.metadata?.labels ?? {};
  for (const [key, value] of Object.entries(pod.spec?.nodeSelector ?? {})) if (labels[key] !== value) return false;
  const required = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return !required || nodeSelectorMatches(required, node);
}

/** The only nodes that the required affinity can match, when each of its terms names nodes; undefined: any. */
export function nodeNamesRequired(pod: Pod): Set<string> | undefined {
  const required = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  if (!required || required.nodeSelectorTerms.length === 0) return undefined;
  const names = new Set<string>();
  for (const term of required.nodeSelectorTerms) {
    const field = term.matchFields?.find(({ key, operator }) => key === 'metadata.name' && operator === 'In');
    if (!field) return undefined;
    for (const name of field.values ?? []) names.add(name);
  }
  return names;
}
