import type { Deployment } from '../../types.gen.ts';
import type { Rules } from '../build.ts';
import { ageColumn, formatSelector, nameColumn, text, typed, wide } from '../columns.ts';
import { defaultTemplate } from '../pod/defaults.ts';
import { templateWarnings } from '../pod/warnings.ts';
import { templateColumns } from './template-columns.ts';
import { validateDeployment, validateDeploymentUpdate } from './validate-apps.ts';

/** https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/deployment-v1/ */
export const deploymentRules: Rules<Deployment> = {
  columns: [
    nameColumn,
    text('Ready', (d) => `${d.status?.readyReplicas ?? 0}/${d.spec?.replicas ?? 0}`),
    typed('Up-to-date', 'string', (d) => d.status?.updatedReplicas ?? 0),
    typed('Available', 'string', (d) => d.status?.availableReplicas ?? 0),
    ageColumn,
    ...templateColumns<Deployment>((d) => d.spec?.template),
    wide('Selector', (d) => {
      const selector = formatSelector(d.spec?.selector);
      return selector === '<none>' ? '' : selector;
    }),
  ],
  // A rollback is told by annotations alone.
  generation: (d) => [d.spec, d.metadata?.annotations],
  setDefaults(deployment) {
    const spec = deployment.spec;
    if (!spec) return;
    spec.replicas ??= 1;
    spec.strategy ??= {};
    spec.strategy.type ||= 'RollingUpdate';
    if (spec.strategy.type === 'RollingUpdate') {
      spec.strategy.rollingUpdate ??= {};
      spec.strategy.rollingUpdate.maxUnavailable ??= '25%';
      spec.strategy.rollingUpdate.maxSurge ??= '25%';
    }
    spec.revisionHistoryLimit ??= 10;
    spec.progressDeadlineSeconds ??= 600;
    defaultTemplate(spec.template);
  },
  prepareForUpdate(deployment, old, _context, subresource) {
    if (subresource === 'status' && deployment.metadata) deployment.metadata.labels = old.metadata?.labels;
  },
  warnings: templateWarnings<Deployment>('spec.template', (d) => d.spec?.template),
  validate: validateDeployment,
  validateUpdate: validateDeploymentUpdate,
};
