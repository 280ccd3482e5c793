// Jobs: https://kubernetes.io/docs/concepts/workloads/controllers/job/
import type { FieldError } from '../../errors.ts';
import { copyJson } from '../../json-value.ts';
import { dns1123Label } from '../../names.ts';
import { labelSelectorMatches } from '../../selectors.ts';
import type { Job, JobSpec, PodSpec } from '../../types.gen.ts';
import { byteLength, Findings, inOrder } from '../findings.ts';
import { validateLabelSelector } from '../label-selector.ts';
import { checkDomainPath } from '../network/domain-path.ts';
import { validateTemplate } from '../pod/validate-spec.ts';
import { validateFailurePolicy, validateSuccessPolicy } from './validate-job-policies.ts';
import { checkTemplateLabels, isReadable } from './validate-template.ts';

const softCompletions = 100_000;
const maxIndexedParallelism = 100_000;
const maxFailedIndexes = 100_000;
const manyCompletionsParallelism = 10_000;
const manyCompletionsFailedIndexes = 10_000;
const maxManagedByBytes = 63;

function validateManagedBy(found: Findings, field: string, manager: string): void {
  checkDomainPath(found, field, manager);
  if (byteLength(manager) > maxManagedByBytes) found.tooLong(field, maxManagedByBytes);
}

function validateIndexed(found: Findings, field: string, spec: JobSpec): void {
  const { completions, parallelism, maxFailedIndexes: failed, backoffLimitPerIndex } = spec;
  if (completions === undefined) found.required(`${field}.completions`, 'when completion mode is Indexed');
  if (parallelism !== undefined && parallelism > maxIndexedParallelism) {
    const why = `must be less than or equal to ${maxIndexedParallelism} when completion mode is Indexed`;
    found.invalid(`${field}.parallelism`, parallelism, why);
  }
  if (completions !== undefined && failed !== undefined && failed > completions) {
    found.invalid(`${field}.maxFailedIndexes`, failed, 'must be less than or equal to completions');
  }
  if (failed !== undefined && failed > maxFailedIndexes) {
    found.invalid(`${field}.maxFailedIndexes`, failed, `must be less than or equal to ${maxFailedIndexes}`);
  }
  if (completions === undefined || completions <= softCompletions || backoffLimitPerIndex === undefined) return;
  const many = `when completions are above ${softCompletions} and used with backoff limit per index`;
  if (failed === undefined) {
    found.required(`${field}.maxFailedIndexes`, `must be specified when completions is above ${softCompletions}`);
  }
  if (parallelism !== undefined && parallelism > manyCompletionsParallelism) {
    found.invalid(
      `${field}.parallelism`,
      parallelism,
      `must be less than or equal to ${manyCompletionsParallelism} ${many}`,
    );
  }
  if (failed !== undefined && failed > manyCompletionsFailedIndexes) {
    const why = `must be less than or equal to ${manyCompletionsFailedIndexes} ${many}`;
    found.invalid(`${field}.maxFailedIndexes`, failed, why);
  }
}

function validateRestartPolicy(found: Findings, field: string, spec: JobSpec): void {
  const at = `${field}.template.spec.restartPolicy`;
  const policy = spec.template.spec?.restartPolicy;
  if (!policy || policy === 'Always') found.required(at, 'valid values: "OnFailure", "Never"');
  else if (policy !== 'OnFailure' && policy !== 'Never') found.unsupported(at, policy, ['OnFailure', 'Never']);
  else if (spec.podFailurePolicy && policy !== 'Never') {
    found.invalid(at, policy, 'only "Never" is supported when podFailurePolicy is specified');
  }
}

/** What a cron job's template shares: all but the selector. */
export function validateJobSpec(found: Findings, field: string, spec: JobSpec): void {
  const numbers = [
    'parallelism',
    'completions',
    'activeDeadlineSeconds',
    'backoffLimit',
    'ttlSecondsAfterFinished',
  ] as const;
  for (const name of numbers) found.nonNegative(`${field}.${name}`, spec[name]);
  found.nonNegative(`${field}.backoffLimitPerIndex`, spec.backoffLimitPerIndex);
  if (spec.maxFailedIndexes !== undefined) {
    found.nonNegative(`${field}.maxFailedIndexes`, spec.maxFailedIndexes);
    if (spec.backoffLimitPerIndex === undefined) {
      found.required(`${field}.backoffLimitPerIndex`, 'when maxFailedIndexes is specified');
    }
  }
  if (spec.managedBy !== undefined) validateManagedBy(found, `${field}.managedBy`, spec.managedBy);
  const mode = spec.completionMode;
  if (mode !== undefined && mode !== 'NonIndexed' && mode !== 'Indexed') {
    found.unsupported(`${field}.completionMode`, mode, ['NonIndexed', 'Indexed']);
  }
  if (mode === 'Indexed') validateIndexed(found, field, spec);
  else if (mode === undefined || mode === 'NonIndexed') {
    for (const name of ['backoffLimitPerIndex', 'maxFailedIndexes'] as const) {
      if (spec[name] !== undefined) found.invalid(`${field}.${name}`, spec[name], 'requires indexed completion mode');
    }
  }
  if (spec.podFailurePolicy) validateFailurePolicy(found, `${field}.podFailurePolicy`, spec);
  if (spec.successPolicy) validateSuccessPolicy(found, `${field}.successPolicy`, spec);
  const replacement = spec.podReplacementPolicy;
  const supported = spec.podFailurePolicy ? ['Failed'] : ['Failed', 'TerminatingOrFailed'];
  if (replacement !== undefined && !supported.includes(replacement)) {
    found.unsupported(`${field}.podReplacementPolicy`, replacement, supported);
  }
  validateTemplate(found, `${field}.template`, spec.template);
  validateRestartPolicy(found, field, spec);
}

function checkGeneratedSelector(found: Findings, job: Job): void {
  const spec = job.spec!;
  if (spec.manualSelector || !spec.selector) return;
  const name = job.metadata?.name ?? '';
  const uid = job.metadata?.uid ?? '';
  const expected = {
    'controller-uid': uid,
    'job-name': name,
    'batch.kubernetes.io/controller-uid': uid,
    'batch.kubernetes.io/job-name': name,
  };
  const labels = spec.template.metadata?.labels ?? {};
  for (const [key, value] of Object.entries(expected)) {
    const at = `spec.template.metadata.labels[${key}]`;
    if (labels[key] === undefined) found.required(at, `must be '${value}'`);
    else if (labels[key] !== value) found.invalid(at, inOrder(labels), `must be '${value}'`);
  }
  if (isReadable(spec.selector) && !labelSelectorMatches(spec.selector, expected)) {
    const { matchLabels, ...rest } = spec.selector;
    const shown = { ...(matchLabels ? { matchLabels: inOrder(matchLabels) } : {}), ...rest };
    found.invalid('spec.selector', shown, '`selector` not auto-generated');
  }
}

function validateSpecWithSelector(found: Findings, spec: JobSpec): void {
  validateJobSpec(found, 'spec', spec);
  if (!spec.selector) found.required('spec.selector');
  else validateLabelSelector(found, 'spec.selector', spec.selector);
  if (isReadable(spec.selector)) checkTemplateLabels(found, 'spec.template', spec.template, spec.selector);
}

export function validateJob(job: Job): FieldError[] {
  const found = new Findings();
  const spec = job.spec!;
  checkGeneratedSelector(found, job);
  validateSpecWithSelector(found, spec);
  if (spec.completionMode === 'Indexed' && (spec.completions ?? 0) > 0) {
    const name = job.metadata?.name ?? '';
    const hostname = `${name}-${spec.completions! - 1}`;
    if (dns1123Label(hostname).length > 0) {
      found.invalid('metadata.name', name, `will not able to create pod with invalid DNS label: ${hostname}`);
    }
  }
  return found.errors;
}

/** A suspended job that runs no pods may be placed elsewhere and get other resources. */
function isMutable(job: Job): boolean {
  const suspended = job.status?.conditions?.some((c) => c.type === 'Suspended' && c.status === 'True') ?? false;
  return (
    (job.spec?.suspend ?? false) &&
    (suspended || job.status?.startTime === undefined) &&
    (job.status?.active ?? 0) === 0
  );
}

const schedulingFields = ['nodeSelector', 'tolerations', 'schedulingGates'] as const;

function checkTemplate(found: Findings, job: Job, old: Job): void {
  const template = job.spec!.template;
  const before = copyJson(old.spec!.template);
  if (!isMutable(old)) {
    found.unchanged('spec.template', template, before);
    return;
  }
  const spec = template.spec ?? { containers: [] };
  const expected: PodSpec = {
    ...before.spec!,
    ...Object.fromEntries(schedulingFields.map((name) => [name, spec[name]])),
  };
  const { nodeAffinity: _, ...affinity } = expected.affinity ?? {};
  const nodeAffinity = spec.affinity?.nodeAffinity;
  expected.affinity = { ...affinity, ...(nodeAffinity ? { nodeAffinity } : {}) };
  if (Object.keys(expected.affinity).length === 0 && !spec.affinity) delete expected.affinity;
  for (const list of ['containers', 'initContainers'] as const) {
    const now = spec[list] ?? [];
    if (now.length !== (expected[list] ?? []).length) continue;
    for (const [i, container] of now.entries()) {
      if (expected[list]![i]!.name === container.name) expected[list]![i]!.resources = container.resources;
    }
  }
  found.unchanged('spec.template.spec', spec, expected);
}

export function validateJobUpdate(job: Job, old: Job): FieldError[] {
  const found = new Findings();
  found.add(validateJob(job));
  const spec = job.spec!;
  const before = old.spec!;
  validateSpecWithSelector(found, spec);
  if (spec.completionMode !== 'Indexed') found.unchanged('spec.completions', spec.completions, before.completions);
  else if (
    spec.completions !== undefined &&
    spec.completions !== before.completions &&
    spec.completions !== spec.parallelism
  ) {
    found.invalid('spec.completions', spec.completions, 'can only be modified in tandem with spec.parallelism');
  }
  found.unchanged('spec.selector', spec.selector, before.selector);
  checkTemplate(found, job, old);
  const fixed = ['completionMode', 'podFailurePolicy', 'backoffLimitPerIndex', 'managedBy', 'successPolicy'] as const;
  for (const name of fixed) found.unchanged(`spec.${name}`, spec[name], before[name]);
  return withoutRepeats(found.errors);
}

/** The specification is looked at twice (as a whole and as a change); what it says is told once. */
const withoutRepeats = (errors: FieldError[]): FieldError[] => [
  ...new Map(errors.map((error) => [JSON.stringify(error), error])).values(),
];
