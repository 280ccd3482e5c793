// storage.k8s.io: classes, drivers and attachments. https://kubernetes.io/docs/concepts/storage/
import type {
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  StorageClass,
  VolumeAttachment,
  VolumeAttributesClass,
} from '../../types.gen.ts';
import type { Rules } from '../build.ts';
import { ageColumn, boolean, integer, nameColumn, text, typed } from '../columns.ts';
import * as check from './validate-classes.ts';

const defaultClass = [
  'storageclass.kubernetes.io/is-default-class',
  'storageclass.beta.kubernetes.io/is-default-class',
];

const isDefault = (annotations: Record<string, string> | undefined): boolean =>
  defaultClass.some((name) => annotations?.[name] === 'true');

export const storageClassRules: Rules<StorageClass> = {
  columns: [
    {
      ...nameColumn,
      cell: ({ metadata }) => `${metadata?.name}${isDefault(metadata?.annotations) ? ' (default)' : ''}`,
    },
    text('Provisioner', (sc) => sc.provisioner ?? ''),
    text('ReclaimPolicy', (sc) => sc.reclaimPolicy ?? 'Delete'),
    text('VolumeBindingMode', (sc) => sc.volumeBindingMode ?? 'Immediate'),
    typed('AllowVolumeExpansion', 'string', (sc) => sc.allowVolumeExpansion ?? false),
    ageColumn,
  ],
  setDefaults(sc) {
    sc.reclaimPolicy ??= 'Delete';
    sc.volumeBindingMode ??= 'Immediate';
  },
  validate: check.validateStorageClass,
  validateUpdate: check.validateStorageClassUpdate,
};

export const volumeAttributesClassRules: Rules<VolumeAttributesClass> = {
  columns: [nameColumn, text('DriverName', (vac) => vac.driverName ?? ''), ageColumn],
  validate: check.validateAttributesClass,
  validateUpdate: check.validateAttributesClassUpdate,
};

export const csiDriverRules: Rules<CSIDriver> = {
  columns: [
    nameColumn,
    boolean('AttachRequired', (driver) => driver.spec?.attachRequired ?? true),
    boolean('PodInfoOnMount', (driver) => driver.spec?.podInfoOnMount ?? false),
    boolean('StorageCapacity', (driver) => driver.spec?.storageCapacity ?? false),
    text(
      'TokenRequests',
      (driver) => driver.spec?.tokenRequests?.map((request) => request.audience).join(',') ?? '<unset>',
    ),
    boolean('RequiresRepublish', (driver) => driver.spec?.requiresRepublish ?? false),
    text('Modes', (driver) => driver.spec?.volumeLifecycleModes?.join(',') || '<none>'),
    ageColumn,
  ],
  allowUnconditionalUpdate: false,
  setDefaults({ spec }) {
    if (!spec) return;
    spec.attachRequired ??= true;
    spec.podInfoOnMount ??= false;
    spec.storageCapacity ??= false;
    spec.fsGroupPolicy ??= 'ReadWriteOnceWithFSType';
    if ((spec.volumeLifecycleModes ?? []).length === 0) spec.volumeLifecycleModes = ['Persistent'];
    spec.requiresRepublish ??= false;
    spec.seLinuxMount ??= false;
  },
  validate: check.validateCsiDriver,
  validateUpdate: check.validateCsiDriverUpdate,
};

export const csiNodeRules: Rules<CSINode> = {
  columns: [nameColumn, integer('Drivers', (node) => node.spec?.drivers?.length ?? 0), ageColumn],
  allowUnconditionalUpdate: false,
  validate: check.validateCsiNode,
  validateUpdate: check.validateCsiNodeUpdate,
};

export const csiStorageCapacityRules: Rules<CSIStorageCapacity> = {
  allowUnconditionalUpdate: false,
  validate: check.validateStorageCapacity,
  validateUpdate: check.validateStorageCapacityUpdate,
};

export const volumeAttachmentRules: Rules<VolumeAttachment> = {
  columns: [
    nameColumn,
    { ...text<VolumeAttachment>('Attacher', (attachment) => attachment.spec?.attacher ?? ''), format: 'name' },
    text('PV', (attachment) => attachment.spec?.source?.persistentVolumeName ?? ''),
    text('Node', (attachment) => attachment.spec?.nodeName ?? ''),
    boolean('Attached', (attachment) => attachment.status?.attached ?? false),
    ageColumn,
  ],
  allowUnconditionalUpdate: false,
  newStatus: () => ({ attached: false }),
  resetMetaForStatus: true,
  setDefaults({ spec }) {
    if (spec?.source?.inlineVolumeSpec) spec.source.inlineVolumeSpec.volumeMode ??= 'Filesystem';
  },
  validate: check.validateAttachment,
  validateUpdate: check.validateAttachmentUpdate,
};
