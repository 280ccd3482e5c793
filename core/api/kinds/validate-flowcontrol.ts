// Flow schemas and priority levels.
import type { FieldError } from '../errors.ts';
import { dns1123Label, dns1123Subdomain } from '../names.ts';
import type {
  FlowcontrolV1Subject,
  FlowSchema,
  LimitResponse,
  NonResourcePolicyRule,
  PolicyRulesWithSubjects,
  PriorityLevelConfiguration,
  QueuingConfiguration,
  ResourcePolicyRule,
} from '../types.gen.ts';
import { Findings } from './findings.ts';

const maxPrecedence = 10_000;
const maxQueues = 10_000_000;
const maxHashBits = 60;
const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'proxy', 'update', 'watch'];

/** A list that has something, and nothing beside the wildcard. */
function checkList(found: Findings, field: string, list: readonly string[], missing: string, others: string): boolean {
  if (list.length === 0) found.required(field, missing);
  else if (list.includes('*')) {
    if (list.length > 1) found.invalid(field, list, `if '*' is present, must not specify other ${others}`);
  } else return true;
  return false;
}

function checkVerbs(found: Findings, field: string, list: readonly string[]): void {
  const plain = checkList(found, field, list, 'verbs must contain at least one value', 'verbs');
  if (plain && !list.every((verb) => verbs.includes(verb))) found.unsupported(field, list, verbs);
}

function urlProblem(url: string): string | undefined {
  if (url === '') return 'must not be empty';
  if (url === '/') return undefined;
  if (!url.startsWith('/')) return 'must start with slash';
  if (url.includes(' ')) return 'must not contain white-space';
  if (url.includes('//')) return 'must not contain double slash';
  return /^[^*]*(\/\*)?$/.test(url) ? undefined : 'wildcard can only do suffix matching';
}

function validateUrls(found: Findings, field: string, rule: NonResourcePolicyRule): void {
  checkVerbs(found, `${field}.verbs`, rule.verbs ?? []);
  const urls = rule.nonResourceURLs ?? [];
  const at = `${field}.nonResourceURLs`;
  if (!checkList(found, at, urls, 'nonResourceURLs must contain at least one value', 'non-resource URLs')) return;
  for (const [i, url] of urls.entries()) {
    const problem = urlProblem(url);
    if (problem) found.invalid(`${at}[${i}]`, url, problem);
  }
}

function validateResourceRule(found: Findings, field: string, rule: ResourcePolicyRule): void {
  checkVerbs(found, `${field}.verbs`, rule.verbs ?? []);
  const supply = 'resource rules must supply at least one';
  checkList(found, `${field}.apiGroups`, rule.apiGroups ?? [], `${supply} api group`, 'api groups');
  checkList(found, `${field}.resources`, rule.resources ?? [], `${supply} resource`, 'resources');
  const namespaces = rule.namespaces ?? [];
  if (namespaces.length === 0 && rule.clusterScope) return;
  const missing = 'resource rules that are not cluster scoped must supply at least one namespace';
  if (!checkList(found, `${field}.namespaces`, namespaces, missing, 'namespaces')) return;
  const intro = "each member of this list must be '*' or a DNS-1123 label; ";
  for (const [i, name] of namespaces.entries()) {
    found.invalid(
      `${field}.namespaces[${i}]`,
      name,
      dns1123Label(name).map((why) => intro + why),
    );
  }
}

const subjectFields = { ServiceAccount: 'serviceAccount', User: 'user', Group: 'group' } as const;

function validateSubject(found: Findings, field: string, subject: FlowcontrolV1Subject): void {
  const kind = subject.kind as keyof typeof subjectFields;
  const own = subjectFields[kind];
  if (!own) {
    found.unsupported(`${field}.kind`, subject.kind ?? '', ['Group', 'ServiceAccount', 'User']);
    return;
  }
  const part = subject[own];
  const at = `${field}.${own}`;
  if (!part) found.required(at, `${own} is required when subject kind is '${kind}'`);
  else if (!part.name) found.required(`${at}.name`);
  else if (kind === 'ServiceAccount' && part.name !== '*')
    found.invalid(`${at}.name`, part.name, dns1123Subdomain(part.name));
  if (part && kind === 'ServiceAccount') {
    const { namespace } = subject.serviceAccount!;
    if (namespace) found.invalid(`${at}.namespace`, namespace, dns1123Label(namespace));
    else found.required(`${at}.namespace`, 'must specify namespace for service account');
  }
  for (const [other, name] of Object.entries(subjectFields)) {
    if (other !== kind && subject[name]) {
      found.forbidden(`${field}.${name}`, `${name} is forbidden when subject kind is not '${other}'`);
    }
  }
}

function validateRule(found: Findings, field: string, rule: PolicyRulesWithSubjects): void {
  const { subjects = [], resourceRules = [], nonResourceRules = [] } = rule;
  if (subjects.length === 0) found.required(`${field}.subjects`, 'subjects must contain at least one value');
  for (const [i, subject] of subjects.entries()) validateSubject(found, `${field}.subjects[${i}]`, subject);
  if (resourceRules.length + nonResourceRules.length === 0) {
    found.required(field, 'at least one of resourceRules and nonResourceRules has to be non-empty');
  }
  for (const [i, part] of resourceRules.entries()) validateResourceRule(found, `${field}.resourceRules[${i}]`, part);
  for (const [i, part] of nonResourceRules.entries()) validateUrls(found, `${field}.nonResourceRules[${i}]`, part);
}

export function validateFlowSchema({ metadata, spec }: FlowSchema): FieldError[] {
  const found = new Findings();
  if (!spec) return found.errors;
  const precedence = spec.matchingPrecedence ?? 0;
  const at = 'spec.matchingPrecedence';
  if (precedence <= 0) found.invalid(at, precedence, 'must be a positive value');
  if (precedence > maxPrecedence) found.invalid(at, precedence, `must not be greater than ${maxPrecedence}`);
  if (precedence === 1 && metadata?.name !== 'exempt') {
    found.invalid(at, precedence, "only the schema named 'exempt' may have matchingPrecedence 1");
  }
  const method = spec.distinguisherMethod;
  if (method && !['ByNamespace', 'ByUser'].includes(method.type)) {
    found.unsupported('spec.distinguisherMethod.type', { Type: method.type }, ['ByNamespace', 'ByUser']);
  }
  const level = spec.priorityLevelConfiguration?.name;
  if (level) found.invalid('spec.priorityLevelConfiguration.name', level, dns1123Subdomain(level));
  else found.required('spec.priorityLevelConfiguration.name', 'must reference a priority level');
  for (const [i, rule] of (spec.rules ?? []).entries()) validateRule(found, `spec.rules[${i}]`, rule);
  return found.errors;
}

/** Bits that picking a hand of a deck takes. */
const entropyBits = (deck: number, hand: number): number =>
  Math.ceil(Array.from({ length: hand }, (_, i) => Math.log2(deck - i)).reduce((sum, bits) => sum + bits, 0));

function validateQueuing(found: Findings, field: string, queuing: QueuingConfiguration): void {
  const { queueLengthLimit = 0, queues = 0, handSize = 0 } = queuing;
  if (queueLengthLimit <= 0) found.invalid(`${field}.queueLengthLimit`, queueLengthLimit, 'must be positive');
  if (queues <= 0) found.invalid(`${field}.queues`, queues, 'must be positive');
  else if (queues > maxQueues) found.invalid(`${field}.queues`, queues, `must not be greater than ${maxQueues}`);
  const at = `${field}.handSize`;
  if (handSize <= 0) found.invalid(at, handSize, 'must be positive');
  else if (handSize > queues) found.invalid(at, handSize, `should not be greater than queues (${queues})`);
  else if (entropyBits(queues, handSize) > maxHashBits) {
    const what = `required entropy bits of deckSize ${queues} and handSize ${handSize}`;
    found.invalid(at, handSize, `${what} should not be greater than ${maxHashBits}`);
  }
}

function validateResponse(found: Findings, field: string, response: LimitResponse | undefined): void {
  const { type, queuing } = response ?? {};
  if (type === 'Reject') {
    if (queuing) found.forbidden(`${field}.queuing`, 'must be nil if limited.limitResponse.type is not Limited');
  } else if (type === 'Queue') {
    if (!queuing) found.required(`${field}.queuing`, 'must not be empty if limited.limitResponse.type is Limited');
    else validateQueuing(found, `${field}.queuing`, queuing);
  } else found.oneOf(`${field}.type`, type, ['Queue', 'Reject']);
}

function validateShares(
  found: Findings,
  field: string,
  part: { nominalConcurrencyShares?: number; lendablePercent?: number },
): void {
  const { nominalConcurrencyShares: shares = 0, lendablePercent: percent = 0 } = part;
  if (shares < 0) found.invalid(`${field}.nominalConcurrencyShares`, shares, 'must be a non-negative integer');
  if (percent < 0 || percent > 100)
    found.invalid(`${field}.lendablePercent`, percent, 'must be between 0 and 100, inclusive');
}

export function validatePriorityLevel({ metadata, spec }: PriorityLevelConfiguration): FieldError[] {
  const found = new Findings();
  const { type, limited, exempt } = spec ?? { type: '' };
  if ((metadata?.name === 'exempt') !== (type === 'Exempt')) {
    found.invalid('spec.type', type ?? '', "must be 'Exempt' if and only if `name` is 'exempt'");
  }
  if (type === 'Exempt') {
    if (limited) found.forbidden('spec.limited', 'must be nil if the type is not Limited');
    if (exempt) validateShares(found, 'spec.exempt', exempt);
  } else if (type === 'Limited') {
    if (exempt) found.forbidden('spec.exempt', 'must be nil if the type is Limited');
    if (!limited) found.required('spec.limited', 'must not be empty when type is Limited');
    else {
      validateShares(found, 'spec.limited', limited);
      validateResponse(found, 'spec.limited.limitResponse', limited.limitResponse);
      const borrowed = limited.borrowingLimitPercent;
      if (borrowed !== undefined && borrowed < 0) {
        found.invalid('spec.limited.borrowingLimitPercent', borrowed, 'if specified, must be a non-negative integer');
      }
    }
  } else found.oneOf('spec.type', type, ['Exempt', 'Limited']);
  return found.errors;
}
