// Webhook configurations and admission policies.
import type { FieldError } from '../../errors.ts';
import { dns1035Label, dns1123Subdomain, inRange, qualifiedName } from '../../names.ts';
import type {
  MutatingWebhookConfiguration,
  RuleWithOperations,
  ValidatingWebhook,
  ValidatingWebhookConfiguration,
  WebhookClientConfig,
} from '../../types.gen.ts';
import { Findings } from '../findings.ts';
import { validateLabelSelector } from '../label-selector.ts';

const maxTimeoutSeconds = 30;
const operations = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];

export function validateRule(found: Findings, field: string, rule: RuleWithOperations): void {
  const wildcard = (name: 'apiGroups' | 'apiVersions' | 'resources' | 'operations'): void => {
    const list = rule[name] ?? [];
    if (list.length === 0) found.required(`${field}.${name}`);
    if (list.length > 1 && list.includes('*')) {
      found.invalid(
        `${field}.${name}`,
        list,
        `if '*' is present, must not specify other ${name === 'apiGroups' ? 'API groups' : name === 'apiVersions' ? 'API versions' : name}`,
      );
    }
  };
  wildcard('operations');
  for (const [i, operation] of (rule.operations ?? []).entries()) {
    if (!operations.includes(operation)) found.unsupported(`${field}.operations[${i}]`, operation, operations);
  }
  wildcard('apiGroups');
  wildcard('apiVersions');
  for (const [i, version] of (rule.apiVersions ?? []).entries())
    if (!version) found.required(`${field}.apiVersions[${i}]`);
  if ((rule.resources ?? []).length === 0) found.required(`${field}.resources`);
  for (const [i, resource] of (rule.resources ?? []).entries())
    if (!resource) found.required(`${field}.resources[${i}]`);
  const scopes = ['*', 'Cluster', 'Namespaced'];
  if (rule.scope !== undefined && !scopes.includes(rule.scope)) found.unsupported(`${field}.scope`, rule.scope, scopes);
}

const urlForm = '; desired format: https://host[/path]';

function validateUrl(found: Findings, field: string, text: string): void {
  if (!URL.canParse(text)) {
    found.required(field, `url must be a valid URL: parse error${urlForm}`);
    return;
  }
  const url = new URL(text);
  const refuse = (value: string, detail: string): void => {
    if (value) found.invalid(field, value, detail);
  };
  const scheme = url.protocol.slice(0, -1);
  if (scheme !== 'https') refuse(scheme, `'https' is the only allowed URL scheme${urlForm}`);
  if (!url.host) found.invalid(field, '', `host must be specified${urlForm}`);
  refuse(url.username, 'user information is not permitted in the URL');
  refuse(url.hash.slice(1), 'fragments are not permitted in the URL');
  refuse(url.search.slice(1), 'query parameters are not permitted in the URL');
}

function validateClient(found: Findings, field: string, config: WebhookClientConfig | undefined): void {
  const { url, service } = config ?? {};
  if ((url === undefined) === (service === undefined)) {
    found.required(field, 'exactly one of url or service is required');
    return;
  }
  if (url !== undefined) {
    validateUrl(found, `${field}.url`, url);
  }
  if (!service) return;
  if (!service.name) found.required(`${field}.service.name`, 'service name is required');
  if (!service.namespace) found.required(`${field}.service.namespace`, 'service namespace is required');
  const port = service.port ?? 443;
  if (inRange(port, 1, 65535).length > 0) {
    found.invalid(`${field}.service.port`, port, 'port is not valid: must be between 1 and 65535, inclusive');
  }
  if (service.path !== undefined && !service.path.startsWith('/')) {
    found.invalid(`${field}.service.path`, service.path, "must start with a '/'");
  }
}

function validateWebhook(found: Findings, field: string, webhook: ValidatingWebhook): void {
  const name = webhook.name ?? '';
  const errors = dns1123Subdomain(name);
  if (!name) found.required(`${field}.name`);
  else if (errors.length > 0) found.invalid(`${field}.name`, name, errors.join(','));
  else if (name.split('.').length < 3) {
    found.invalid(`${field}.name`, name, 'should be a domain with at least three segments separated by dots');
  }
  const versions = webhook.admissionReviewVersions ?? [];
  const at = `${field}.admissionReviewVersions`;
  if (versions.length === 0) found.required(at, 'must specify one of v1, v1beta1');
  for (const [i, version] of versions.entries()) {
    if (versions.indexOf(version) < i) found.invalid(`${at}[${i}]`, version, 'duplicate version');
    found.invalid(`${at}[${i}]`, version, dns1035Label(version));
  }
  if (versions.length > 0 && !versions.some((version) => version === 'v1' || version === 'v1beta1')) {
    found.invalid(at, versions, 'must include at least one of v1, v1beta1');
  }
  for (const [i, rule] of (webhook.rules ?? []).entries()) validateRule(found, `${field}.rules[${i}]`, rule);
  const choose = (part: 'failurePolicy' | 'matchPolicy', values: string[]): void => {
    const value = webhook[part];
    if (value !== undefined && !values.includes(value)) found.unsupported(`${field}.${part}`, value, values);
  };
  choose('failurePolicy', ['Fail', 'Ignore']);
  choose('matchPolicy', ['Equivalent', 'Exact']);
  const effects = ['None', 'NoneOnDryRun'];
  if (!webhook.sideEffects) found.required(`${field}.sideEffects`, 'must specify one of None, NoneOnDryRun');
  else if (!effects.includes(webhook.sideEffects))
    found.unsupported(`${field}.sideEffects`, webhook.sideEffects, effects);
  const seconds = webhook.timeoutSeconds;
  if (seconds !== undefined && (seconds > maxTimeoutSeconds || seconds < 1)) {
    found.invalid(`${field}.timeoutSeconds`, seconds, 'the timeout value must be between 1 and 30 seconds');
  }
  validateLabelSelector(found, `${field}.namespaceSelector`, webhook.namespaceSelector);
  validateLabelSelector(found, `${field}.objectSelector`, webhook.objectSelector);
  validateClient(found, `${field}.clientConfig`, webhook.clientConfig);
  validateConditions(found, `${field}.matchConditions`, webhook.matchConditions ?? []);
}

export function validateConditions(
  found: Findings,
  field: string,
  conditions: readonly { name: string; expression: string }[],
): void {
  const names = new Set<string>();
  for (const [i, { name, expression }] of conditions.entries()) {
    const at = `${field}[${i}]`;
    if (!expression?.trim()) found.required(`${at}.expression`);
    if (!name) found.required(`${at}.name`);
    else found.invalid(`${at}.name`, name, qualifiedName(name));
    if (name && names.has(name)) found.duplicate(`${at}.name`, name);
    names.add(name);
  }
}

/** Validating and mutating configurations alike. */
export function validateWebhooks(
  configuration: ValidatingWebhookConfiguration | MutatingWebhookConfiguration,
): FieldError[] {
  const found = new Findings();
  const names = new Set<string>();
  for (const [i, webhook] of (configuration.webhooks ?? []).entries()) {
    const at = `webhooks[${i}]`;
    validateWebhook(found, at, webhook);
    if ('reinvocationPolicy' in webhook) {
      const { reinvocationPolicy: policy } = webhook as { reinvocationPolicy?: string };
      if (policy !== undefined && !['IfNeeded', 'Never'].includes(policy)) {
        found.unsupported(`${at}.reinvocationPolicy`, policy, ['IfNeeded', 'Never']);
      }
    }
    if (names.has(webhook.name)) found.duplicate(`${at}.name`, webhook.name);
    names.add(webhook.name);
  }
  return found.errors;
}
