import type { ReplicationController } from '../../types.gen.ts';
import type { Rules } from '../build.ts';
import { ageColumn, integer, nameColumn } from '../columns.ts';
import { defaultTemplate } from '../pod/defaults.ts';
import { templateWarnings } from '../pod/warnings.ts';
import { labelsColumn, templateColumns } from './template-columns.ts';
import { validateReplicationController, validateReplicationControllerUpdate } from './validate-apps.ts';

const isEmpty = (map: Record<string, string> | undefined): boolean => Object.keys(map ?? {}).length === 0;

/** https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/replication-controller-v1/ */
export const replicationControllerRules: Rules<ReplicationController> = {
  fieldLabels: { 'status.replicas': (rc) => rc.status?.replicas ?? 0 },
  columns: [
    nameColumn,
    integer('Desired', (rc) => rc.spec?.replicas ?? 0),
    integer('Current', (rc) => rc.status?.replicas ?? 0),
    integer('Ready', (rc) => rc.status?.readyReplicas ?? 0),
    ageColumn,
    ...templateColumns<ReplicationController>((rc) => rc.spec?.template),
    labelsColumn((rc) => rc.spec?.selector),
  ],
  newStatus: () => ({ replicas: 0 }),
  setDefaults(rc) {
    rc.spec ??= {};
    rc.spec.replicas ??= 1;
    const labels = rc.spec.template?.metadata?.labels;
    if (labels) {
      if (isEmpty(rc.spec.selector)) rc.spec.selector = { ...labels };
      if (rc.metadata && isEmpty(rc.metadata.labels)) rc.metadata.labels = { ...labels };
    }
    defaultTemplate(rc.spec.template);
  },
  warnings: templateWarnings<ReplicationController>('spec.template', (rc) => rc.spec?.template),
  validate: validateReplicationController,
  validateUpdate: validateReplicationControllerUpdate,
};
