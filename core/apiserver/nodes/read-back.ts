// Reads the change log back to where a journal does not reach any more.
import { type Change, type Resource, type Revision, RevisionExpired, type Store } from '../../store/store.ts';

const changesPerPage = 1000;
/** Beyond this many changes a full answer is cheaper than reading back. */
const maxChangesBack = 5000;

/** Changes after `since` up to and with `until`; undefined when the log no longer holds them, or they are too many. */
export async function readBack(
  store: Store,
  resource: Resource,
  since: Revision,
  until: Revision,
): Promise<Change[] | undefined> {
  const changes: Change[] = [];
  try {
    for (let at = since; at < until; ) {
      const page = await store.changesSince(resource, at, changesPerPage);
      changes.push(...page.changes.filter(({ revision }) => revision <= until));
      if (page.upTo <= at || changes.length > maxChangesBack) return undefined;
      at = page.upTo;
    }
  } catch (error) {
    if (error instanceof RevisionExpired) return undefined;
    throw error;
  }
  return changes;
}
