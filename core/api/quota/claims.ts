// Persistent volume claims against a quota: how many and how much storage, in all and by storage class.
import { compareQuantities, parseQuantity, type Quantity, quantityFromValue, quantityValue } from '../quantity.ts';
import type { PersistentVolumeClaim } from '../types.gen.ts';
import type { Evaluator } from './evaluators.ts';
import { matchesRequirement } from './scopes.ts';

const measured = ['persistentvolumeclaims', 'requests.storage'];
const byClass = '.storageclass.storage.k8s.io/';
const legacyClassAnnotation = 'volume.beta.kubernetes.io/storage-class';

export const claimEvaluator: Evaluator = {
  handles(operation, subresource, object, old) {
    if (subresource === '') return operation === 'CREATE' || operation === 'UPDATE';
    if (subresource !== 'status') return false;
    const allocated = (claim: unknown): string =>
      String((claim as PersistentVolumeClaim | undefined)?.status?.allocatedResources?.['storage'] ?? '');
    return allocated(object) !== allocated(old);
  },
  matching: (hard) =>
    hard.filter(
      (name) =>
        name === 'count/persistentvolumeclaims' ||
        measured.includes(name) ||
        measured.some((resource) => name.endsWith(`${byClass}${resource}`)),
    ),
  matchesScope(scope, object) {
    if (scope.scopeName !== 'VolumeAttributesClass') return false;
    return matchesRequirement(scope, attributesClasses(object as PersistentVolumeClaim));
  },
  usage(object) {
    const claim = object as PersistentVolumeClaim;
    const one = quantityFromValue(1);
    const usage = new Map<string, Quantity>([
      ['persistentvolumeclaims', one],
      ['count/persistentvolumeclaims', one],
    ]);
    const className = claim.metadata?.annotations?.[legacyClassAnnotation] ?? claim.spec?.storageClassName;
    if (className) usage.set(`${className}${byClass}persistentvolumeclaims`, one);
    const storage = storageOf(claim);
    if (storage) usage.set('requests.storage', storage);
    if (storage && className) usage.set(`${className}${byClass}requests.storage`, storage);
    return usage;
  },
};

/** What was asked for, or what an expansion has allocated already if that is more; in whole bytes. */
function storageOf({ spec, status }: PersistentVolumeClaim): Quantity | undefined {
  const asked = spec?.resources?.requests?.['storage'];
  if (asked === undefined) return undefined;
  const allocated = status?.allocatedResources?.['storage'];
  const most = allocated !== undefined && compareQuantities(String(allocated), String(asked)) > 0 ? allocated : asked;
  const quantity = parseQuantity(String(most));
  return quantity.scale < 0 ? quantityFromValue(quantityValue(quantity), quantity.format) : quantity;
}

const attributesClasses = ({ spec, status }: PersistentVolumeClaim): string[] => {
  const named = [
    spec?.volumeAttributesClassName,
    status?.currentVolumeAttributesClassName,
    status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
  ];
  return [...new Set(named.filter((name): name is string => Boolean(name)))];
};
