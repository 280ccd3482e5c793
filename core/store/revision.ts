// The rules of a commit that every driver shares: when its condition holds, and the change that it makes.
// See docs/decisions/0001-revisions.md.
import type { LoggedChange } from './change-log.ts';
import type { Commit, Revision, StoredObject } from './store.ts';

/** Whether `current` (undefined: nothing stands there) is what the commit expects. */
export const conditionHolds = (commit: Commit, current: StoredObject | undefined): boolean =>
  commit.expected === 'absent' ? current === undefined : current?.revision === commit.expected;

/** The change that a commit makes when its condition holds. The object becomes the store's: it is frozen. */
export function applied(
  commit: Commit,
  current: StoredObject | undefined,
  revision: Revision,
  at: number,
): LoggedChange {
  const type = commit.op === 'delete' ? 'DELETED' : current ? 'MODIFIED' : 'ADDED';
  const change = { type, key: commit.key, revision, object: freeze(commit.object), at } as const;
  return current
    ? { ...change, previous: current.object, previousRevision: current.revision }
    : { ...change, previousRevision: 0 };
}

/**
 * Objects are shared between the store, lists and watchers: whoever writes into one gets a TypeError instead of
 * a cluster that quietly disagrees with its log.
 */
export function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const key in value) freeze(value[key]);
  }
  return value;
}
