// https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/
import type {
  MatchResources,
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  MutatingWebhookConfiguration,
  ParamKind,
  ParamRef,
  RuleWithOperations,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  ValidatingWebhook,
  ValidatingWebhookConfiguration,
} from '../../types.gen.ts';
import type { Rules } from '../build.ts';
import { ageColumn, integer, nameColumn, text } from '../columns.ts';
import { validateWebhooks } from './validate.ts';
import * as policy from './validate-policy.ts';

function setRuleDefaults(rules: RuleWithOperations[] | undefined): void {
  for (const rule of rules ?? []) rule.scope ??= '*';
}

function setWebhookDefaults(webhook: ValidatingWebhook): void {
  webhook.failurePolicy ??= 'Fail';
  webhook.matchPolicy ??= 'Equivalent';
  webhook.namespaceSelector ??= {};
  webhook.objectSelector ??= {};
  webhook.timeoutSeconds ??= 10;
  if (webhook.clientConfig?.service) webhook.clientConfig.service.port ??= 443;
  setRuleDefaults(webhook.rules);
}

function setMatchDefaults(match: MatchResources | undefined): void {
  if (!match) return;
  match.matchPolicy ??= 'Equivalent';
  match.namespaceSelector ??= {};
  match.objectSelector ??= {};
  setRuleDefaults(match.resourceRules);
  setRuleDefaults(match.excludeResourceRules);
}

const paramKindCell = (kind: ParamKind | undefined): string => (kind ? `${kind.apiVersion}/${kind.kind}` : '<unset>');

function paramRefCell(reference: ParamRef | undefined): string {
  if (!reference) return '<unset>';
  return reference.name ? `${reference.namespace || '*'}/${reference.name}` : '<unset>';
}

export const validatingWebhookRules: Rules<ValidatingWebhookConfiguration> = {
  columns: [nameColumn, integer('Webhooks', (configuration) => configuration.webhooks?.length ?? 0), ageColumn],
  generation: (configuration) => configuration.webhooks,
  allowUnconditionalUpdate: false,
  setDefaults: (configuration) => configuration.webhooks?.forEach(setWebhookDefaults),
  validate: validateWebhooks,
  validateUpdate: validateWebhooks,
};

export const mutatingWebhookRules: Rules<MutatingWebhookConfiguration> = {
  columns: [nameColumn, integer('Webhooks', (configuration) => configuration.webhooks?.length ?? 0), ageColumn],
  generation: (configuration) => configuration.webhooks,
  allowUnconditionalUpdate: false,
  setDefaults(configuration) {
    for (const webhook of configuration.webhooks ?? []) {
      setWebhookDefaults(webhook);
      webhook.reinvocationPolicy ??= 'Never';
    }
  },
  validate: validateWebhooks,
  validateUpdate: validateWebhooks,
};

export const validatingPolicyRules: Rules<ValidatingAdmissionPolicy> = {
  columns: [
    nameColumn,
    integer('Validations', (policy) => policy.spec?.validations?.length ?? 0),
    text('ParamKind', (policy) => paramKindCell(policy.spec?.paramKind)),
    ageColumn,
  ],
  allowUnconditionalUpdate: false,
  resetMetaForStatus: true,
  setDefaults({ spec }) {
    if (!spec) return;
    spec.failurePolicy ??= 'Fail';
    setMatchDefaults(spec.matchConstraints);
  },
  validate: policy.validateValidatingPolicy,
  validateUpdate: policy.validateValidatingPolicy,
};

export const validatingPolicyBindingRules: Rules<ValidatingAdmissionPolicyBinding> = {
  columns: [
    nameColumn,
    text('PolicyName', (binding) => binding.spec?.policyName ?? ''),
    text('ParamRef', (binding) => paramRefCell(binding.spec?.paramRef)),
    ageColumn,
  ],
  allowUnconditionalUpdate: false,
  setDefaults: ({ spec }) => setMatchDefaults(spec?.matchResources),
  validate: policy.validateValidatingBinding,
  validateUpdate: policy.validateValidatingBinding,
};

export const mutatingPolicyRules: Rules<MutatingAdmissionPolicy> = {
  columns: [
    nameColumn,
    integer('Mutations', (policy) => policy.spec?.mutations?.length ?? 0),
    text('ParamKind', (policy) => paramKindCell(policy.spec?.paramKind)),
    ageColumn,
  ],
  allowUnconditionalUpdate: false,
  setDefaults({ spec }) {
    if (!spec) return;
    spec.failurePolicy ??= 'Fail';
    setMatchDefaults(spec.matchConstraints);
  },
  validate: policy.validateMutatingPolicy,
  validateUpdate: policy.validateMutatingPolicy,
};

export const mutatingPolicyBindingRules: Rules<MutatingAdmissionPolicyBinding> = {
  columns: [
    nameColumn,
    text('PolicyName', (binding) => binding.spec?.policyName ?? ''),
    text('ParamRef', (binding) => paramRefCell(binding.spec?.paramRef)),
    ageColumn,
  ],
  allowUnconditionalUpdate: false,
  setDefaults: ({ spec }) => setMatchDefaults(spec?.matchResources),
  validate: policy.validateMutatingBinding,
  validateUpdate: policy.validateMutatingBinding,
};
