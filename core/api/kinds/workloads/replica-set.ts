import type { ReplicaSet } from '../../types.gen.ts';
import type { Rules } from '../build.ts';
import { ageColumn, integer, nameColumn } from '../columns.ts';
import { defaultTemplate } from '../pod/defaults.ts';
import { templateWarnings } from '../pod/warnings.ts';
import { selectorColumn, templateColumns } from './template-columns.ts';
import { validateReplicaSet, validateReplicaSetUpdate } from './validate-apps.ts';

/** https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/replica-set-v1/ */
export const replicaSetRules: Rules<ReplicaSet> = {
  fieldLabels: { 'status.replicas': (rs) => rs.status?.replicas ?? 0 },
  columns: [
    nameColumn,
    integer('Desired', (rs) => rs.spec?.replicas ?? 0),
    integer('Current', (rs) => rs.status?.replicas ?? 0),
    integer('Ready', (rs) => rs.status?.readyReplicas ?? 0),
    ageColumn,
    ...templateColumns<ReplicaSet>((rs) => rs.spec?.template),
    selectorColumn((rs) => rs.spec?.selector),
  ],
  newStatus: () => ({ replicas: 0 }),
  setDefaults(rs) {
    if (!rs.spec) return;
    rs.spec.replicas ??= 1;
    defaultTemplate(rs.spec.template);
  },
  warnings: templateWarnings<ReplicaSet>('spec.template', (rs) => rs.spec?.template),
  validate: validateReplicaSet,
  validateUpdate: validateReplicaSetUpdate,
};
