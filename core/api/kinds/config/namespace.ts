import { dns1123Label } from '../../names.ts';
import type { Namespace } from '../../types.gen.ts';
import type { Rules } from '../build.ts';
import { ageColumn, nameColumn, text } from '../columns.ts';
import { validateNamespace, validateNamespaceUpdate } from './validate-config.ts';

/** https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/namespace-v1/ */
export const namespaceRules: Rules<Namespace> = {
  fieldLabels: { 'status.phase': (namespace) => namespace.status?.phase },
  columns: [nameColumn, text('Status', (namespace) => namespace.status?.phase ?? ''), ageColumn],
  validateName: dns1123Label,
  newStatus: () => ({ phase: 'Active' }),
  setDefaults(namespace) {
    const name = namespace.metadata?.name;
    if (name) namespace.metadata!.labels = { ...namespace.metadata!.labels, 'kubernetes.io/metadata.name': name };
    namespace.status ??= {};
    namespace.status.phase ||= 'Active';
  },
  prepareForCreate(namespace) {
    // The verb may have generated the name only now.
    namespace.metadata!.labels = {
      ...namespace.metadata!.labels,
      ...(namespace.metadata?.name ? { 'kubernetes.io/metadata.name': namespace.metadata.name } : {}),
    };
    const finalizers = namespace.spec?.finalizers ?? [];
    if (!finalizers.includes('kubernetes'))
      namespace.spec = { ...namespace.spec, finalizers: [...finalizers, 'kubernetes'] };
  },
  prepareForUpdate(namespace, old, _context, subresource) {
    // Finalizers of the spec change through the finalize subresource alone.
    if (subresource === '') namespace.spec = { ...namespace.spec, finalizers: old.spec?.finalizers };
  },
  validate: validateNamespace,
  validateUpdate: validateNamespaceUpdate,
};
