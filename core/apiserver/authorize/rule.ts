// One RBAC rule against one request, and one rule against another.
// Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/
import type { PolicyRule } from '../../api/types.gen.ts';
import type { AuthorizerAttributes } from '../server.ts';

/** A list may be null: that is how an empty one is stored when nobody named it. */
const has = (list: readonly string[] | null | undefined, value: string): boolean =>
  list?.includes('*') || list?.includes(value) || false;

/** "*", "pods", "pods/log", and "*" followed by "/scale" for the subresource of any resource. */
function resourceMatches(rule: PolicyRule, resource: string, subresource: string): boolean {
  if (!rule.resources) return false;
  const combined = subresource ? `${resource}/${subresource}` : resource;
  if (has(rule.resources, combined)) return true;
  return subresource !== '' && rule.resources.includes(`*/${subresource}`);
}

/** A trailing "*" stands for any rest of the path. */
const pathMatches = (pattern: string, path: string): boolean =>
  pattern === path || (pattern.endsWith('*') && path.startsWith(pattern.replace(/\*+$/, '')));

export function ruleAllows(rule: PolicyRule, attributes: AuthorizerAttributes): boolean {
  if (!has(rule.verbs, attributes.verb)) return false;
  if (!attributes.isResource) return (rule.nonResourceURLs ?? []).some((url) => pathMatches(url, attributes.path));
  const names = rule.resourceNames ?? [];
  return (
    has(rule.apiGroups, attributes.group) &&
    resourceMatches(rule, attributes.plural, attributes.subresource) &&
    (names.length === 0 || names.includes(attributes.name))
  );
}

/** How many rules breakDown makes of this one. */
export function brokenDownSize({ apiGroups, resources, verbs, resourceNames, nonResourceURLs }: PolicyRule): number {
  const length = (list: readonly string[] | null | undefined): number => list?.length ?? 0;
  const named = Math.max(1, length(resourceNames));
  return length(verbs) * (length(apiGroups) * length(resources) * named + length(nonResourceURLs));
}

/** Rules with one verb and one resource, resource name or URL each, that together say the same. */
export function breakDown(rule: PolicyRule): PolicyRule[] {
  const parts: PolicyRule[] = [];
  const names = rule.resourceNames ?? [];
  for (const group of rule.apiGroups ?? []) {
    for (const resource of rule.resources ?? []) {
      for (const verb of rule.verbs ?? []) {
        const part: PolicyRule = { apiGroups: [group], resources: [resource], verbs: [verb] };
        if (names.length === 0) parts.push(part);
        for (const name of names) parts.push({ ...part, resourceNames: [name] });
      }
    }
  }
  for (const url of rule.nonResourceURLs ?? []) {
    for (const verb of rule.verbs ?? []) parts.push({ nonResourceURLs: [url], verbs: [verb] });
  }
  return parts;
}

const coversList = (owner: readonly string[] | undefined, wanted: readonly string[] | undefined): boolean =>
  (wanted ?? []).every((value) => has(owner, value));

/** `wanted` comes from breakDown, so one rule of the owner covers it wholly or not at all. */
function covers(owner: PolicyRule, wanted: PolicyRule): boolean {
  const ownNames = owner.resourceNames ?? [];
  const names = wanted.resourceNames ?? [];
  const [resource, subresource] = (wanted.resources?.[0] ?? '').split('/', 2);
  return (
    coversList(owner.verbs, wanted.verbs) &&
    coversList(owner.apiGroups, wanted.apiGroups) &&
    (!wanted.resources || resourceMatches(owner, resource ?? '', subresource ?? '')) &&
    (wanted.nonResourceURLs ?? []).every((url) => (owner.nonResourceURLs ?? []).some((own) => pathMatches(own, url))) &&
    (ownNames.length === 0 || (names.length > 0 && names.every((name) => ownNames.includes(name))))
  );
}

/** What `wanted` grants beyond `owned`, broken down; empty when nothing. */
export function missingRules(owned: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  return wanted.flatMap(breakDown).filter((part) => !owned.some((rule) => covers(rule, part)));
}
