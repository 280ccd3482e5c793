import type { CronJob } from '../../types.gen.ts';
import type { Rules } from '../build.ts';
import { ageColumn, integer, nameColumn, text, typed } from '../columns.ts';
import { age } from '../duration.ts';
import { defaultTemplate } from '../pod/defaults.ts';
import { templateWarnings } from '../pod/warnings.ts';
import { selectorColumn, templateColumns } from './template-columns.ts';
import { validateCronJob, validateCronJobUpdate } from './validate-cron-job.ts';

/** https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/cron-job-v1/ */
export const cronJobRules: Rules<CronJob> = {
  columns: [
    nameColumn,
    text('Schedule', (cj) => cj.spec?.schedule ?? ''),
    text('Timezone', (cj) => cj.spec?.timeZone ?? '<none>'),
    typed('Suspend', 'boolean', (cj) =>
      cj.spec?.suspend === undefined ? '<unset>' : cj.spec.suspend ? 'True' : 'False',
    ),
    integer('Active', (cj) => cj.status?.active?.length ?? 0),
    text('Last Schedule', (cj, nowMs) =>
      cj.status?.lastScheduleTime ? age(cj.status.lastScheduleTime, nowMs) : '<none>',
    ),
    ageColumn,
    ...templateColumns<CronJob>((cj) => cj.spec?.jobTemplate?.spec?.template),
    selectorColumn((cj) => cj.spec?.jobTemplate?.spec?.selector),
  ],
  setDefaults(cj) {
    const spec = cj.spec;
    if (!spec) return;
    spec.concurrencyPolicy ||= 'Allow';
    spec.suspend ??= false;
    spec.successfulJobsHistoryLimit ??= 3;
    spec.failedJobsHistoryLimit ??= 1;
    const job = spec.jobTemplate?.spec;
    for (const rule of job?.podFailurePolicy?.rules ?? []) {
      for (const pattern of rule.onPodConditions ?? []) pattern.status ||= 'True';
    }
    defaultTemplate(job?.template);
  },
  warnings: templateWarnings<CronJob>(
    'spec.jobTemplate.spec.template',
    (cron) => cron.spec?.jobTemplate?.spec?.template,
  ),
  validate: validateCronJob,
  validateUpdate: validateCronJobUpdate,
};
