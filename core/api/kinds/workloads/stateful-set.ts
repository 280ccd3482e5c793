import { dns1123Label } from '../../names.ts';
import type { PersistentVolumeClaim, StatefulSet } from '../../types.gen.ts';
import type { Rules } from '../build.ts';
import { ageColumn, nameColumn, text } from '../columns.ts';
import { defaultTemplate } from '../pod/defaults.ts';
import { templateWarnings } from '../pod/warnings.ts';
import { templateColumns } from './template-columns.ts';
import { validateStatefulSet, validateStatefulSetUpdate } from './validate-stateful-set.ts';

function defaultClaimTemplate(claim: PersistentVolumeClaim): void {
  claim.apiVersion ??= 'v1';
  claim.kind ??= 'PersistentVolumeClaim';
  claim.spec ??= {};
  claim.spec.volumeMode ??= 'Filesystem';
  claim.status ??= {};
  claim.status.phase ||= 'Pending';
}

/** https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/stateful-set-v1/ */
export const statefulSetRules: Rules<StatefulSet> = {
  columns: [
    nameColumn,
    text('Ready', (sts) => `${sts.status?.readyReplicas ?? 0}/${sts.spec?.replicas ?? 0}`),
    ageColumn,
    ...templateColumns<StatefulSet>((sts) => sts.spec?.template),
  ],
  newStatus: () => ({ replicas: 0, availableReplicas: 0 }),
  setDefaults(sts) {
    const spec = sts.spec;
    if (!spec) return;
    spec.podManagementPolicy ||= 'OrderedReady';
    spec.updateStrategy ??= {};
    const strategy = spec.updateStrategy;
    if (!strategy.type) {
      strategy.type = 'RollingUpdate';
      strategy.rollingUpdate ??= {};
    }
    if (strategy.type === 'RollingUpdate' && strategy.rollingUpdate) strategy.rollingUpdate.partition ??= 0;
    spec.persistentVolumeClaimRetentionPolicy ??= {};
    spec.persistentVolumeClaimRetentionPolicy.whenDeleted ||= 'Retain';
    spec.persistentVolumeClaimRetentionPolicy.whenScaled ||= 'Retain';
    spec.replicas ??= 1;
    spec.revisionHistoryLimit ??= 10;
    for (const claim of spec.volumeClaimTemplates ?? []) defaultClaimTemplate(claim);
    defaultTemplate(spec.template);
  },
  validateName: dns1123Label,
  warnings: templateWarnings<StatefulSet>('spec.template', (set) => set.spec?.template, false),
  validate: validateStatefulSet,
  validateUpdate: validateStatefulSetUpdate,
};
