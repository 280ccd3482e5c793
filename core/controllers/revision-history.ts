// Controller revisions: what the templates of stateful sets and daemon sets were, for rollbacks.
// Follows https://kubernetes.io/docs/tasks/manage-daemon/rollback-daemon-set/
import { sameValue } from '../api/kinds/findings.ts';
import type { Stored } from '../api/objects.ts';
import type { ControllerRevision, ObjectMeta, PodTemplateSpec } from '../api/types.gen.ts';
import { resources } from '../client/resources.ts';
import type { Action } from './controller.ts';
import { canonicalJson, fnv1a, safeDigits } from './hash.ts';
import { asObject, controllerReference } from './owner.ts';

export type StoredRevision = Stored<ControllerRevision>;

/** Who has a template that is kept in revisions. */
export interface RevisionOwner {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta & { name: string };
  spec?: { template?: PodTemplateSpec };
  status?: { collisionCount?: number };
}

/** Longest base of a revision's name. */
const NAME_LIMIT = 223;

interface RevisionData {
  spec: { template: PodTemplateSpec & { $patch?: string } };
}

/**
 * A strategic merge patch that brings the template back: what `kubectl rollout undo` sends. Its keys are in order: clients
 * written in Go compare it byte for byte with what they make of the template themselves.
 */
const dataOf = ({ spec }: RevisionOwner): RevisionData =>
  JSON.parse(canonicalJson({ spec: { template: { ...(spec?.template as PodTemplateSpec), $patch: 'replace' } } }));

const rawData = (revision: StoredRevision): unknown => revision.data as unknown;

export function templateOf(revision: StoredRevision): PodTemplateSpec {
  const { $patch: _patch, ...template } = (rawData(revision) as RevisionData).spec.template;
  return template;
}

export interface Revisions {
  /** Oldest first, the one of the template as it is now included. */
  all: StoredRevision[];
  /** That of the template as it is now. */
  newest: StoredRevision;
  /** What makes it so. */
  actions: Action[];
}

const byNumber = (a: StoredRevision, b: StoredRevision): number =>
  (a.revision ?? 0) - (b.revision ?? 0) || (a.metadata.name < b.metadata.name ? -1 : 1);

export function hashOf(owner: RevisionOwner): string {
  const { collisionCount } = owner.status ?? {};
  return safeDigits(fnv1a(`${canonicalJson(dataOf(owner))}/${collisionCount ?? 0}`));
}

/** The revision of the current template: the newest as it is, an older one raised to the newest, or a new one. */
export function currentRevision(
  owner: RevisionOwner,
  existing: readonly StoredRevision[],
  labelsFor: (hash: string) => Record<string, string>,
): Revisions {
  const sorted = [...existing].sort(byNumber);
  const data = dataOf(owner);
  const equal = sorted.filter((revision) => sameValue(rawData(revision), data)).at(-1);
  const last = sorted.at(-1);
  const next = (last?.revision ?? 0) + 1;
  if (equal && equal === last) return { all: sorted, newest: equal, actions: [] };
  const of = resources.controllerRevisions;
  if (equal) {
    const raised = { ...equal, revision: next };
    const all = [...sorted.filter((revision) => revision !== equal), raised];
    return { all, newest: raised, actions: [{ do: 'update', of, object: asObject(raised) }] };
  }
  const hash = hashOf(owner);
  const newest = {
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: {
      name: `${owner.metadata.name.slice(0, NAME_LIMIT)}-${hash}`,
      namespace: owner.metadata.namespace,
      labels: labelsFor(hash),
      ...(owner.metadata.annotations ? { annotations: owner.metadata.annotations } : {}),
      ownerReferences: [controllerReference(owner)],
    },
    data,
    revision: next,
  } as unknown as StoredRevision;
  return { all: [...sorted, newest], newest, actions: [{ do: 'create', of, object: asObject(newest) }] };
}

/** Deletes the oldest revisions that nothing uses, beyond the limit; none that was raised to the newest since it was seen. */
export function cutHistory(
  revisions: readonly StoredRevision[],
  isUsed: (revision: StoredRevision) => boolean,
  limit: number,
): Action[] {
  const unused = revisions.filter((revision) => revision.metadata.uid && !isUsed(revision));
  return unused.slice(0, Math.max(0, unused.length - limit)).map(
    ({ metadata: { namespace = '', name, uid, resourceVersion } }): Action => ({
      do: 'delete',
      of: resources.controllerRevisions,
      key: { namespace, name },
      options: { uid, ...(resourceVersion ? { resourceVersion } : {}) },
    }),
  );
}

/** The name that the current template's revision would have stands for another template: count collisions. */
export const isCollision = (
  owner: RevisionOwner,
  standing: StoredRevision | undefined,
  owned: readonly StoredRevision[],
): boolean =>
  standing !== undefined &&
  !owned.some((revision) => revision.metadata.uid === standing.metadata.uid) &&
  !sameValue(rawData(standing), dataOf(owner));

export const revisionName = (owner: RevisionOwner): string =>
  `${owner.metadata.name.slice(0, NAME_LIMIT)}-${hashOf(owner)}`;
