// Affinity, tolerations and topology spread: https://kubernetes.io/docs/concepts/scheduling-eviction/
import { dns1123Label, dns1123Subdomain, labelValue, qualifiedName } from '../../names.ts';
import type {
  Affinity,
  LabelSelector,
  NodeSelector,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  PodAffinityTerm,
  Toleration,
  TopologySpreadConstraint,
  WeightedPodAffinityTerm,
} from '../../types.gen.ts';
import type { Findings } from '../findings.ts';
import { validateLabelSelector } from '../label-selector.ts';

const notAnOperator = 'not a valid selector operator';
const weightRange = 'must be in the range 1-100';
export const taintEffects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

function validateNodeRequirement(found: Findings, field: string, rule: NodeSelectorRequirement, values: boolean): void {
  const list = rule.values ?? [];
  const { operator } = rule;
  if (operator === 'In' || operator === 'NotIn') {
    if (list.length === 0) found.required(`${field}.values`, "must be specified when `operator` is 'In' or 'NotIn'");
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    if (list.length > 0) {
      found.forbidden(`${field}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
    }
  } else if (operator === 'Gt' || operator === 'Lt') {
    if (list.length !== 1) {
      found.required(`${field}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'");
    }
  } else found.invalid(`${field}.operator`, operator ?? '', notAnOperator);
  found.invalid(`${field}.key`, rule.key, qualifiedName(rule.key));
  if (!values) return;
  for (const [i, value] of list.entries()) found.invalid(`${field}.values[${i}]`, value, labelValue(value));
}

function validateFieldRequirement(found: Findings, field: string, rule: NodeSelectorRequirement): void {
  if (rule.operator !== 'In' && rule.operator !== 'NotIn')
    found.invalid(`${field}.operator`, rule.operator, notAnOperator);
  else if (rule.values?.length !== 1) {
    const why = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
    found.required(`${field}.values`, why);
  }
  if (rule.key !== 'metadata.name') found.invalid(`${field}.key`, rule.key, 'not a valid field selector key');
  else
    for (const [i, name] of (rule.values ?? []).entries())
      found.invalid(`${field}.values[${i}]`, name, dns1123Subdomain(name));
}

function validateTerm(found: Findings, field: string, term: NodeSelectorTerm, values: boolean): void {
  for (const [i, rule] of (term.matchExpressions ?? []).entries()) {
    validateNodeRequirement(found, `${field}.matchExpressions[${i}]`, rule, values);
  }
  for (const [i, rule] of (term.matchFields ?? []).entries()) {
    validateFieldRequirement(found, `${field}.matchFields[${i}]`, rule);
  }
}

export function validateNodeSelector(found: Findings, field: string, selector: NodeSelector): void {
  const at = `${field}.nodeSelectorTerms`;
  const terms = selector.nodeSelectorTerms ?? [];
  if (terms.length === 0) found.required(at, 'must have at least one node selector term');
  for (const [i, term] of terms.entries()) validateTerm(found, `${at}[${i}]`, term, true);
}

function validatePodTerm(found: Findings, field: string, term: PodAffinityTerm): void {
  validateLabelSelector(found, `${field}.labelSelector`, term.labelSelector);
  validateLabelSelector(found, `${field}.namespaceSelector`, term.namespaceSelector);
  for (const name of term.namespaces ?? []) found.invalid(`${field}.namespace`, name, dns1123Label(name));
  validateLabelKeys(found, field, term.matchLabelKeys, term.mismatchLabelKeys, term.labelSelector);
  if (!term.topologyKey) found.required(`${field}.topologyKey`, 'can not be empty');
  found.invalid(`${field}.topologyKey`, term.topologyKey ?? '', qualifiedName(term.topologyKey ?? ''));
}

/** Keys whose values are taken from the pod's own labels. */
function validateLabelKeys(
  found: Findings,
  field: string,
  match: readonly string[] = [],
  mismatch: readonly string[] = [],
  selector: LabelSelector | undefined,
): void {
  for (const [name, keys] of Object.entries({ matchLabelKeys: match, mismatchLabelKeys: mismatch })) {
    if (keys.length === 0) continue;
    if (!selector) found.forbidden(`${field}.${name}`, 'must not be specified when labelSelector is not set');
    else for (const [i, key] of keys.entries()) found.invalid(`${field}.${name}[${i}]`, key, qualifiedName(key));
  }
  const seen = new Set(Object.keys(selector?.matchLabels ?? {}));
  for (const { key } of selector?.matchExpressions ?? []) {
    const index = match.indexOf(key);
    if (index >= 0 && seen.has(key))
      found.invalid(`${field}[${index}]`, key, 'exists in both matchLabelKeys and labelSelector');
    seen.add(key);
  }
  for (const [i, key] of match.entries()) {
    if (mismatch.includes(key)) {
      found.invalid(`${field}.matchLabelKeys[${i}]`, key, 'exists in both matchLabelKeys and mismatchLabelKeys');
    }
  }
}

const required = 'requiredDuringSchedulingIgnoredDuringExecution';
const preferred = 'preferredDuringSchedulingIgnoredDuringExecution';

const outsideWeights = (weight: number | undefined): boolean => weight === undefined || weight <= 0 || weight > 100;

function validateWeighted(found: Findings, field: string, terms: readonly WeightedPodAffinityTerm[]): void {
  for (const [i, { weight, podAffinityTerm }] of terms.entries()) {
    if (outsideWeights(weight)) found.invalid(`${field}[${i}].weight`, weight ?? 0, weightRange);
    validatePodTerm(found, `${field}[${i}].podAffinityTerm`, podAffinityTerm);
  }
}

export function validateAffinity(found: Findings, field: string, affinity: Affinity | undefined): void {
  const { nodeAffinity } = affinity ?? {};
  if (nodeAffinity?.[required])
    validateNodeSelector(found, `${field}.nodeAffinity.${required}`, nodeAffinity[required]);
  for (const [i, term] of (nodeAffinity?.[preferred] ?? []).entries()) {
    const at = `${field}.nodeAffinity.${preferred}[${i}]`;
    if (outsideWeights(term.weight)) found.invalid(`${at}.weight`, term.weight ?? 0, weightRange);
    validateTerm(found, `${at}.preference`, term.preference ?? {}, false);
  }
  for (const name of ['podAffinity', 'podAntiAffinity'] as const) {
    const part = affinity?.[name];
    for (const [i, term] of (part?.[required] ?? []).entries())
      validatePodTerm(found, `${field}.${name}.${required}[${i}]`, term);
    validateWeighted(found, `${field}.${name}.${preferred}`, part?.[preferred] ?? []);
  }
}

export function validateTolerations(found: Findings, field: string, tolerations: readonly Toleration[]): void {
  for (const [index, toleration] of tolerations.entries()) {
    const at = `${field}[${index}]`;
    const { key = '', operator = '', value = '', effect = '' } = toleration;
    if (key) found.invalid(`${at}.key`, key, qualifiedName(key));
    if (!key && operator !== 'Exists') {
      const why = 'operator must be Exists when `key` is empty, which means "match all values and all keys"';
      found.invalid(`${at}.operator`, operator, why);
    }
    if (toleration.tolerationSeconds !== undefined && effect !== 'NoExecute') {
      found.invalid(`${at}.effect`, effect, "effect must be 'NoExecute' when `tolerationSeconds` is set");
    }
    if (operator === 'Equal' || operator === '') {
      const errors = labelValue(value);
      if (errors.length > 0) found.invalid(`${at}.operator`, value, errors.join(';'));
    } else if (operator === 'Exists') {
      if (value) found.invalid(`${at}.operator`, value, "value must be empty when `operator` is 'Exists'");
    } else if (operator === 'Lt' || operator === 'Gt') {
      found.unsupported(`${at}.operator`, operator, ['Equal', 'Exists', 'Lt', 'Gt']);
    } else found.unsupported(`${at}.operator`, operator, ['Equal', 'Exists']);
    if (effect && !taintEffects.includes(effect)) found.unsupported(`${at}.effect`, effect, taintEffects);
  }
}

const notPositive = 'must be greater than zero';

export function validateSpread(found: Findings, field: string, constraints: readonly TopologySpreadConstraint[]): void {
  for (const [index, constraint] of constraints.entries()) {
    const at = `${field}[${index}]`;
    const { topologyKey, whenUnsatisfiable, minDomains } = constraint;
    if (!constraint.maxSkew || constraint.maxSkew <= 0)
      found.invalid(`${at}.maxSkew`, constraint.maxSkew ?? 0, notPositive);
    if (!topologyKey) found.required(`${at}.topologyKey`, 'can not be empty');
    const actions = ['DoNotSchedule', 'ScheduleAnyway'];
    if (!actions.includes(whenUnsatisfiable))
      found.unsupported(`${at}.whenUnsatisfiable`, whenUnsatisfiable ?? '', actions);
    const later = constraints.slice(index + 1);
    if (later.some((other) => other.topologyKey === topologyKey && other.whenUnsatisfiable === whenUnsatisfiable)) {
      found.duplicate(`${at}.{topologyKey, whenUnsatisfiable}`, `{${topologyKey}, ${whenUnsatisfiable}}`);
    }
    if (minDomains !== undefined) {
      if (minDomains <= 0) found.invalid(`${at}.minDomains`, minDomains, notPositive);
      if (whenUnsatisfiable !== 'DoNotSchedule') {
        const why = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable}`;
        found.invalid(`${at}.minDomains`, minDomains, why);
      }
    }
    for (const name of ['nodeAffinityPolicy', 'nodeTaintsPolicy'] as const) {
      const policy = constraint[name];
      if (policy !== undefined && !['Honor', 'Ignore'].includes(policy))
        found.unsupported(`${at}.${name}`, policy, ['Honor', 'Ignore']);
    }
    validateLabelKeys(found, at, constraint.matchLabelKeys, [], constraint.labelSelector);
    validateLabelSelector(found, `${at}.labelSelector`, constraint.labelSelector);
  }
}
