// Admission policies and their bindings. Expressions are kept, not compiled.
import type { FieldError } from '../../errors.ts';
import { dns1035Label, dns1123Subdomain, pathSegmentName, qualifiedName } from '../../names.ts';
import type {
  AuditAnnotation,
  MatchResources,
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  NamedRuleWithOperations,
  ParamKind,
  ParamRef,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  Validation,
  Variable,
} from '../../types.gen.ts';
import { Findings } from '../findings.ts';
import { validateLabelSelector } from '../label-selector.ts';
import { validateConditions, validateRule } from './validate.ts';

const reasons = ['Forbidden', 'Invalid', 'RequestEntityTooLarge'];
const actions = ['Audit', 'Deny', 'Warn'];
const maxAuditAnnotations = 20;
const isIdentifier = (name: string): boolean => /^[_a-zA-Z][_a-zA-Z0-9]*$/.test(name);

function requireExpression(found: Findings, field: string, name: string, expression: string | undefined): void {
  if (!expression?.trim()) found.required(`${field}.${name}`, `${name} is not specified`);
}

function validateParamKind(found: Findings, field: string, { apiVersion, kind }: ParamKind): void {
  const at = `${field}.apiVersion`;
  if (!apiVersion) found.required(at);
  else {
    const [version = '', group = ''] = apiVersion.split('/').reverse();
    const groupErrors = group ? dns1123Subdomain(group) : [];
    if (groupErrors.length > 0) found.invalid(at, group, groupErrors.join(','));
    const errors = dns1035Label(version);
    if (!version) found.invalid(at, apiVersion, 'version must be specified');
    else if (errors.length > 0) found.invalid(at, version, errors.join(','));
  }
  const errors = dns1035Label((kind ?? '').toLowerCase());
  const rule = 'may have mixed case, but should otherwise match: ';
  if (!kind) found.required(`${field}.kind`);
  else if (errors.length > 0) found.invalid(`${field}.kind`, kind, rule + errors.join(','));
}

function validateNamedRule(found: Findings, field: string, rule: NamedRuleWithOperations): void {
  const names = rule.resourceNames ?? [];
  for (const [i, name] of names.entries()) {
    found.invalid(`${field}.resourceNames[${i}]`, name, pathSegmentName(name));
    if (names.indexOf(name) < i) found.duplicate(`${field}.resourceNames[${i}]`, name);
  }
  validateRule(found, field, rule);
}

function validateMatch(found: Findings, field: string, match: MatchResources): void {
  const policies = ['Equivalent', 'Exact'];
  if (match.matchPolicy !== undefined && !policies.includes(match.matchPolicy)) {
    found.unsupported(`${field}.matchPolicy`, match.matchPolicy, policies);
  }
  validateLabelSelector(found, `${field}.namespaceSelector`, match.namespaceSelector);
  validateLabelSelector(found, `${field}.objectSelector`, match.objectSelector);
  for (const list of ['resourceRules', 'excludeResourceRules'] as const) {
    for (const [i, rule] of (match[list] ?? []).entries()) validateNamedRule(found, `${field}.${list}[${i}]`, rule);
  }
}

function validateVariables(found: Findings, variables: readonly Variable[]): void {
  for (const [i, { name, expression }] of variables.entries()) {
    const at = `spec.variables[${i}]`;
    if (!name?.trim()) found.required(`${at}.name`, 'name is not specified');
    else if (!isIdentifier(name)) found.invalid(`${at}.name`, name, 'must be a valid CEL identifier');
    requireExpression(found, at, 'expression', expression);
  }
}

/** What both kinds of policies have. */
function validateCommon(found: Findings, spec: NonNullable<MutatingAdmissionPolicy['spec']>): void {
  const failurePolicies = ['Fail', 'Ignore'];
  if (spec.failurePolicy !== undefined && !failurePolicies.includes(spec.failurePolicy)) {
    found.unsupported('spec.failurePolicy', spec.failurePolicy, failurePolicies);
  }
  if (spec.paramKind) validateParamKind(found, 'spec.paramKind', spec.paramKind);
  if (!spec.matchConstraints) found.required('spec.matchConstraints');
  else {
    validateMatch(found, 'spec.matchConstraints', spec.matchConstraints);
    const rules = spec.matchConstraints.resourceRules ?? [];
    if (rules.length === 0) found.required('spec.matchConstraints.resourceRules');
  }
  validateConditions(found, 'spec.matchConditions', spec.matchConditions ?? []);
  validateVariables(found, spec.variables ?? []);
}

function validateValidation(found: Findings, field: string, validation: Validation): void {
  const { expression, messageExpression, message, reason } = validation;
  requireExpression(found, field, 'expression', expression);
  const notEmpty = 'must be non-empty if specified';
  if (messageExpression && !messageExpression.trim()) {
    found.invalid(`${field}.messageExpression`, messageExpression, notEmpty);
  }
  if (message && !message.trim()) found.invalid(`${field}.message`, message, notEmpty);
  else if (message?.trim().includes('\n')) found.invalid(`${field}.message`, message, 'must not contain line breaks');
  if (reason !== undefined && !reasons.includes(reason)) found.unsupported(`${field}.reason`, reason, reasons);
}

function validateAudit(found: Findings, policy: string, annotations: readonly AuditAnnotation[]): void {
  const field = 'spec.auditAnnotations';
  if (annotations.length > maxAuditAnnotations) {
    found.invalid(field, annotations, `must not have more than ${maxAuditAnnotations} auditAnnotations`);
  }
  for (const [i, { key, valueExpression }] of annotations.entries()) {
    const at = `${field}[${i}]`;
    found.invalid(`${at}.key`, `${policy}/${key}`, qualifiedName(`${policy}/${key}`));
    requireExpression(found, at, 'valueExpression', valueExpression);
    if (annotations.findIndex((other) => other.key === key) < i) found.duplicate(`${at}.key`, key);
  }
}

export function validateValidatingPolicy({ metadata, spec = {} }: ValidatingAdmissionPolicy): FieldError[] {
  const found = new Findings();
  validateCommon(found, spec);
  const validations = spec.validations ?? [];
  const annotations = spec.auditAnnotations ?? [];
  if (validations.length + annotations.length === 0) {
    const why = 'validations or auditAnnotations must contain at least one item';
    found.required('spec.validations', why);
    found.required('spec.auditAnnotations', why);
  }
  for (const [i, validation] of validations.entries()) validateValidation(found, `spec.validations[${i}]`, validation);
  validateAudit(found, metadata?.name ?? '', annotations);
  return found.errors;
}

export function validateMutatingPolicy({ spec = {} }: MutatingAdmissionPolicy): FieldError[] {
  const found = new Findings();
  validateCommon(found, spec);
  const mutations = spec.mutations ?? [];
  if (mutations.length === 0) found.required('spec.mutations', 'mutations must contain at least one item');
  for (const [i, { patchType, applyConfiguration, jsonPatch }] of mutations.entries()) {
    const at = `spec.mutations[${i}]`;
    const types = ['ApplyConfiguration', 'JSONPatch'];
    if (!patchType) found.required(`${at}.patchType`);
    else if (!types.includes(patchType)) found.unsupported(`${at}.patchType`, patchType, types);
    if (applyConfiguration) {
      requireExpression(found, `${at}.applyConfiguration`, 'expression', applyConfiguration.expression);
    }
    if (jsonPatch) requireExpression(found, `${at}.jsonPatch`, 'expression', jsonPatch.expression);
  }
  return found.errors;
}

function validateParamRef(found: Findings, field: string, param: ParamRef): void {
  const { name, selector, parameterNotFoundAction: action } = param;
  const exclusive = 'name and selector are mutually exclusive';
  if (name) found.invalid(`${field}.name`, name, pathSegmentName(name));
  if (name && selector) found.forbidden(`${field}.name`, exclusive);
  validateLabelSelector(found, `${field}.selector`, selector);
  if (name && selector) found.forbidden(`${field}.selector`, exclusive);
  if (!name && !selector) found.required(field, 'one of name or selector must be specified');
  const known = ['Deny', 'Allow'];
  if (!action) found.required(`${field}.parameterNotFoundAction`);
  else if (!known.includes(action)) found.unsupported(`${field}.parameterNotFoundAction`, action, known);
}

function validateBinding(found: Findings, { spec = {} }: MutatingAdmissionPolicyBinding): void {
  if (!spec.policyName) found.required('spec.policyName');
  else found.invalid('spec.policyName', spec.policyName, dns1123Subdomain(spec.policyName));
  if (spec.paramRef) validateParamRef(found, 'spec.paramRef', spec.paramRef);
  if (spec.matchResources) validateMatch(found, 'spec.matchResources', spec.matchResources);
}

export function validateMutatingBinding(binding: MutatingAdmissionPolicyBinding): FieldError[] {
  const found = new Findings();
  validateBinding(found, binding);
  return found.errors;
}

export function validateValidatingBinding(binding: ValidatingAdmissionPolicyBinding): FieldError[] {
  const found = new Findings();
  validateBinding(found, binding);
  const given = binding.spec?.validationActions ?? [];
  const field = 'spec.validationActions';
  for (const [i, action] of given.entries()) {
    if (!actions.includes(action)) found.unsupported(`${field}[${i}]`, action, actions);
    if (given.indexOf(action) < i) found.duplicate(`${field}[${i}]`, action);
  }
  if (given.includes('Deny') && given.includes('Warn')) {
    const why = 'repeating the same validation failure information in the API response and headers serves no purpose';
    found.invalid(field, given, `must not contain both Deny and Warn (${why})`);
  }
  if (given.length === 0) found.required(field, 'at least one validation action is required');
  return found.errors;
}
