import type { DaemonSet } from '../../types.gen.ts';
import type { Rules } from '../build.ts';
import { ageColumn, formatLabels, integer, nameColumn, text } from '../columns.ts';
import { sameValue } from '../findings.ts';
import { defaultTemplate } from '../pod/defaults.ts';
import { templateWarnings } from '../pod/warnings.ts';
import { selectorColumn, templateColumns } from './template-columns.ts';
import { validateDaemonSet, validateDaemonSetUpdate } from './validate-apps.ts';

const templateGeneration = 'deprecated.daemonset.template.generation';

/** https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/daemon-set-v1/ */
export const daemonSetRules: Rules<DaemonSet> = {
  columns: [
    nameColumn,
    integer('Desired', (ds) => ds.status?.desiredNumberScheduled ?? 0),
    integer('Current', (ds) => ds.status?.currentNumberScheduled ?? 0),
    integer('Ready', (ds) => ds.status?.numberReady ?? 0),
    integer('Up-to-date', (ds) => ds.status?.updatedNumberScheduled ?? 0),
    integer('Available', (ds) => ds.status?.numberAvailable ?? 0),
    text('Node Selector', (ds) => formatLabels(ds.spec?.template?.spec?.nodeSelector)),
    ageColumn,
    ...templateColumns<DaemonSet>((ds) => ds.spec?.template),
    selectorColumn((ds) => ds.spec?.selector),
  ],
  fieldAnnotation: templateGeneration,
  newStatus: () => ({ currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0 }),
  setDefaults(ds) {
    const spec = ds.spec;
    if (!spec) return;
    spec.updateStrategy ??= {};
    const strategy = spec.updateStrategy;
    strategy.type ||= 'RollingUpdate';
    if (strategy.type === 'RollingUpdate') {
      strategy.rollingUpdate ??= {};
      strategy.rollingUpdate.maxUnavailable ??= 1;
      strategy.rollingUpdate.maxSurge ??= 0;
    }
    spec.revisionHistoryLimit ??= 10;
    defaultTemplate(spec.template);
    // The annotation stands for a field of old, which counts as set by whoever writes the object.
    ds.metadata!.annotations = { [templateGeneration]: '0', ...ds.metadata!.annotations };
  },
  prepareForCreate(ds) {
    const annotations = ds.metadata!.annotations!;
    if (!(Number(annotations[templateGeneration]) >= 1)) annotations[templateGeneration] = '1';
  },
  prepareForUpdate(ds, old, _context, subresource) {
    if (subresource === 'status') return;
    const before = Number(old.metadata?.annotations?.[templateGeneration] ?? '1');
    const changed = !sameValue(ds.spec?.template, old.spec?.template);
    ds.metadata!.annotations = {
      ...ds.metadata!.annotations,
      [templateGeneration]: String(changed ? before + 1 : before),
    };
  },
  warnings: templateWarnings<DaemonSet>('spec.template', (ds) => ds.spec?.template, false),
  validate: validateDaemonSet,
  validateUpdate: validateDaemonSetUpdate,
};
