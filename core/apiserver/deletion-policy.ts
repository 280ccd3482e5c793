// What a deletion leaves to the garbage collector, and which kinds answer it with the object.
// Follows https://kubernetes.io/docs/concepts/architecture/garbage-collection/#cascading-deletion
import type { Kind } from '../api/kinds/kind.ts';
import type { KubeObject } from '../api/objects.ts';
import type { DeleteOptions } from './delete-options.ts';

const orphan = 'orphan';
const foreground = 'foregroundDeletion';

/** Kinds whose dependents outlive them when the caller says nothing: what their first API version promised. */
const orphansByDefault = new Set(['replicationcontrollers', 'jobs.batch']);
const notCollected = new Set(['events']);

const policyOf = (kind: Kind): 'delete' | 'orphan' | 'none' =>
  kind.garbageCollection ??
  (notCollected.has(kind.resource) ? 'none' : orphansByDefault.has(kind.resource) ? 'orphan' : 'delete');

/** Order of say: the options, a finalizer that stands already, the kind's default. */
function wanted(
  kind: Kind,
  finalizers: readonly string[],
  options: DeleteOptions,
): typeof orphan | typeof foreground | undefined {
  const policy = policyOf(kind);
  if (policy === 'none') return undefined;
  if (options.orphanDependents !== undefined) return options.orphanDependents ? orphan : undefined;
  switch (options.propagationPolicy) {
    case 'Orphan':
      return orphan;
    case 'Foreground':
      return foreground;
    case 'Background':
      return undefined;
    default: {
      const standing = finalizers.find((name) => name === orphan || name === foreground);
      if (standing) return standing === orphan ? orphan : foreground;
      return policy === 'orphan' ? orphan : undefined;
    }
  }
}

/** What a caller should know who deletes without saying what becomes of dependents. */
export function deletionWarnings(kind: Kind, options: DeleteOptions): string[] {
  if (kind.resource !== 'jobs.batch') return [];
  if (options.propagationPolicy !== undefined || options.orphanDependents !== undefined) return [];
  return [
    'child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning',
  ];
}

/** The finalizers that the object holds once its deletion is asked for. */
export function collectorFinalizers(kind: Kind, object: KubeObject, options: DeleteOptions): string[] {
  const finalizers = object.metadata.finalizers ?? [];
  const others = finalizers.filter((name) => name !== orphan && name !== foreground);
  const own = wanted(kind, finalizers, options);
  return own ? [...others, own] : others;
}

const objectReturners = new Set([
  'pods',
  'services',
  'serviceaccounts',
  'resourcequotas',
  'persistentvolumes',
  'persistentvolumeclaims',
  'podtemplates',
  'namespaces',
  'csidrivers.storage.k8s.io',
  'csinodes.storage.k8s.io',
  'storageclasses.storage.k8s.io',
  'volumeattachments.storage.k8s.io',
  'volumeattributesclasses.storage.k8s.io',
  'deviceclasses.resource.k8s.io',
  'resourceclaims.resource.k8s.io',
  'resourceclaimtemplates.resource.k8s.io',
  'resourceslices.resource.k8s.io',
]);

/** True: DELETE answers what was deleted; otherwise a Status that says so. */
export const returnsDeletedObject = (kind: Kind): boolean =>
  kind.returnsDeletedObject ?? objectReturners.has(kind.resource);
