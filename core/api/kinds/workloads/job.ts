import type { Job, JobSpec } from '../../types.gen.ts';
import type { Rules } from '../build.ts';
import { ageColumn, nameColumn, text } from '../columns.ts';
import { humanDuration } from '../duration.ts';
import { defaultTemplate } from '../pod/defaults.ts';
import { templateWarnings } from '../pod/warnings.ts';
import { selectorColumn, templateColumns } from './template-columns.ts';
import { validateJob, validateJobUpdate } from './validate-job.ts';
import { validateJobStatusUpdate } from './validate-job-status.ts';

const maxInt32 = 2147483647;

/** The part that a cron job's template shares. */
export function defaultJobSpec(spec: JobSpec): void {
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
  spec.parallelism ??= 1;
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : maxInt32;
  spec.completionMode ??= 'NonIndexed';
  spec.suspend ??= false;
  spec.podReplacementPolicy ??= spec.podFailurePolicy ? 'Failed' : 'TerminatingOrFailed';
  spec.manualSelector ??= false;
  for (const rule of spec.podFailurePolicy?.rules ?? []) {
    for (const pattern of rule.onPodConditions ?? []) pattern.status ||= 'True';
  }
}

/** Labels that tie pods to their job, and the selector of one of them. */
function generateSelector(job: Job): void {
  const spec = job.spec!;
  const name = job.metadata?.name ?? '';
  const uid = job.metadata?.uid ?? '';
  spec.template.metadata ??= {};
  const given = spec.template.metadata.labels;
  const labels = {
    'job-name': name,
    'batch.kubernetes.io/job-name': name,
    'controller-uid': uid,
    'batch.kubernetes.io/controller-uid': uid,
    ...given,
  };
  spec.template.metadata.labels = labels;
  const own = job.metadata!.labels;
  if (own === given || Object.keys(own ?? {}).length === 0) job.metadata!.labels = { ...labels };
  spec.selector ??= {};
  spec.selector.matchLabels ??= {};
  if (!('batch.kubernetes.io/controller-uid' in spec.selector.matchLabels)) {
    spec.selector.matchLabels['batch.kubernetes.io/controller-uid'] = uid;
  }
}

function statusCell(job: Job): string {
  const has = (type: string) => job.status?.conditions?.find((c) => c.type === type)?.status === 'True';
  if (has('Complete')) return 'Complete';
  if (has('Failed')) return 'Failed';
  if (job.metadata?.deletionTimestamp) return 'Terminating';
  return ['Suspended', 'FailureTarget', 'SuccessCriteriaMet'].find(has) ?? 'Running';
}

function completionsCell(job: Job): string {
  const succeeded = job.status?.succeeded ?? 0;
  if (job.spec?.completions !== undefined) return `${succeeded}/${job.spec.completions}`;
  const parallelism = job.spec?.parallelism ?? 0;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function durationCell(job: Job, nowMs: number): string {
  const { startTime, completionTime } = job.status ?? {};
  if (!startTime) return '';
  return humanDuration((completionTime ? Date.parse(completionTime) : nowMs) - Date.parse(startTime));
}

/** https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/job-v1/ */
export const jobRules: Rules<Job> = {
  fieldLabels: { 'status.successful': (job) => job.status?.succeeded ?? 0 },
  columns: [
    nameColumn,
    text('Status', statusCell),
    text('Completions', completionsCell),
    text('Duration', durationCell),
    ageColumn,
    ...templateColumns<Job>((job) => job.spec?.template),
    selectorColumn((job) => job.spec?.selector),
  ],
  setDefaults(job) {
    if (!job.spec) return;
    const labels = job.spec.template?.metadata?.labels;
    if (labels && job.metadata && Object.keys(job.metadata.labels ?? {}).length === 0) {
      // The same map, not a copy: labels that are generated into the template show on the job too.
      job.metadata.labels = labels;
    }
    defaultJobSpec(job.spec);
    defaultTemplate(job.spec.template);
  },
  prepareForCreate(job) {
    if (job.spec && !job.spec.manualSelector) generateSelector(job);
  },
  warnings: templateWarnings<Job>('spec.template', (job) => job.spec?.template),
  validate: validateJob,
  validateUpdate: (job, old, subresource) =>
    subresource === 'status' ? validateJobStatusUpdate(job, old) : validateJobUpdate(job, old),
};
