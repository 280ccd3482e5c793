// Annotations by which a deployment and its replica sets remember revisions and sizes; kubectl's rollout commands read them.
import type { DeploymentReplicaSet, StoredDeployment } from './model.ts';

export const annotations = {
  revision: 'deployment.kubernetes.io/revision',
  revisionHistory: 'deployment.kubernetes.io/revision-history',
  desiredReplicas: 'deployment.kubernetes.io/desired-replicas',
  maxReplicas: 'deployment.kubernetes.io/max-replicas',
} as const;

/** Not copied from a deployment to its replica sets. */
const ownAnnotations = new Set<string>([
  ...Object.values(annotations),
  'kubectl.kubernetes.io/last-applied-configuration',
  'deprecated.deployment.rollback.to',
]);

/** Characters of revision history that a replica set keeps; the oldest go first. */
const HISTORY_LIMIT = 2_000;

const readRevision = (text: string): bigint | undefined =>
  /^[+-]?\d+$/.test(text) ? BigInt(text.replace('+', '')) : undefined;

/** The revision of a replica set (64 bits, as the annotation may say), 0 when it has none, undefined when it cannot be read. */
export function revisionOf(rs: DeploymentReplicaSet): bigint | undefined {
  const text = rs.metadata.annotations?.[annotations.revision];
  return text === undefined ? 0n : readRevision(text);
}

export const replicasAnnotations = (desired: number, most: number): Record<string, string> => ({
  [annotations.desiredReplicas]: String(desired),
  [annotations.maxReplicas]: String(most),
});

export const replicasAnnotationsDiffer = (rs: DeploymentReplicaSet, desired: number, most: number): boolean =>
  Object.entries(replicasAnnotations(desired, most)).some(([key, value]) => rs.metadata.annotations?.[key] !== value);

export function countAnnotation(rs: DeploymentReplicaSet, name: 'desiredReplicas' | 'maxReplicas'): number | undefined {
  const text = rs.metadata.annotations?.[annotations[name]];
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}

function historyWith(history: string | undefined, revision: string): string | undefined {
  if (!history) return revision;
  const kept = history.split(',');
  while (kept.length > 0 && [...kept, revision].join(',').length > HISTORY_LIMIT) kept.shift();
  return [...kept, revision].join(',');
}

/** The annotations that the newest replica set is to have. */
export function newSetAnnotations(
  deployment: StoredDeployment,
  standing: Readonly<Record<string, string>> | undefined,
  revision: bigint,
): Record<string, string> {
  const result = { ...standing };
  for (const [key, value] of Object.entries(deployment.metadata.annotations ?? {})) {
    if (!ownAnnotations.has(key)) result[key] = value;
  }
  const before = standing?.[annotations.revision];
  const standingRevision = before === undefined ? 0n : readRevision(before);
  if (standingRevision === undefined || standingRevision >= revision) return result;
  result[annotations.revision] = String(revision);
  const history = before === undefined ? undefined : historyWith(result[annotations.revisionHistory], before);
  if (history !== undefined) result[annotations.revisionHistory] = history;
  return result;
}
