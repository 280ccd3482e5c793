// Limits of local ephemeral storage: what containers write into their own layers, their logs, and emptyDirs on disk. Measured now and
// then; a pod that is over is evicted. https://kubernetes.io/docs/concepts/storage/ephemeral-storage/#resource-ephemeralstorage-consumption
import {
  addQuantities,
  compareQuantities,
  formatQuantity,
  parseQuantity,
  quantityFromValue,
} from '../../core/api/quantity.ts';
import type { Container, Pod } from '../../core/api/types.gen.ts';

/** Bytes. */
export interface StorageUsage {
  /** Layer and logs, by container name. */
  containers: ReadonlyMap<string, number>;
  /** emptyDirs on disk together. */
  volumes: number;
}

const limitOf = ({ resources }: Pick<Container, 'resources'>): string | undefined => {
  const limit = resources?.limits?.['ephemeral-storage'];
  return limit === undefined ? undefined : String(limit);
};

const containersOf = ({ spec }: Pod): readonly Pick<Container, 'name' | 'resources'>[] => [
  ...(spec?.containers ?? []),
  ...(spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always'),
];

export const hasStorageLimits = (pod: Pod): boolean => containersOf(pod).some((one) => limitOf(one) !== undefined);

/** The message of the eviction in kubelet's words, or undefined: the pod's sum is looked at first. */
export function storageOveruse(pod: Pod, { containers, volumes }: StorageUsage): string | undefined {
  const limited = containersOf(pod).flatMap((one) => {
    const limit = limitOf(one);
    return limit === undefined ? [] : [{ name: one.name, limit }];
  });
  if (limited.length === 0) return undefined;
  const exceeds = (bytes: number, limit: string): boolean => compareQuantities(quantityFromValue(bytes), limit) > 0;
  const total = formatQuantity(limited.map(({ limit }) => parseQuantity(limit)).reduce(addQuantities));
  const used = [...containers.values()].reduce((sum, bytes) => sum + bytes, volumes);
  if (exceeds(used, total)) return `Pod ephemeral local storage usage exceeds the total limit of containers ${total}. `;
  const over = limited.find(({ name, limit }) => exceeds(containers.get(name) ?? 0, limit));
  return over && `Container ${over.name} exceeded its local ephemeral storage limit "${over.limit}". `;
}
