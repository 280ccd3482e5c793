// Which objects of a resource changed, and at which revision, so that a node learns of them without a scan. Fed by the view of
// the resource; it reaches back to the view's own beginning, and further on request while the log still holds it.
import type { ObjectKey } from '../../api/objects.ts';
import type { Resource, Revision, Store } from '../../store/store.ts';
import type { Lister, View } from '../lister.ts';
import { readBack } from './read-back.ts';

export interface ChangeJournal {
  /** The view after catching up; makes the journal reach back to `since`, where the log allows it. */
  catchUp(since: Revision | undefined): Promise<View>;
  /** Keys of what was made, changed or removed after `since`, each once; undefined when that can no longer be told. */
  changedSince(since: Revision): readonly ObjectKey[] | undefined;
}

const maxEntries = 10_000;

interface Entry {
  key: ObjectKey;
  revision: Revision;
}

export function createChangeJournal(store: Store, lister: Lister, resource: Resource): ChangeJournal {
  let floor = Number.POSITIVE_INFINITY;
  let entries: Entry[] = [];
  lister.observe(resource, {
    listed(view) {
      entries = [];
      floor = view.revision;
    },
    changed({ key, revision }) {
      entries.push({ key, revision });
      if (entries.length <= maxEntries) return;
      floor = entries.splice(0, entries.length >> 1).at(-1)?.revision ?? floor;
    },
  });
  const reach = async (since: Revision): Promise<void> => {
    const until = floor;
    if (since >= until) return;
    const changes = await readBack(store, resource, since, until);
    // While this read, the view may have been listed anew or another call may have gone further back.
    if (!changes || floor !== until) return;
    entries = [...changes.map(({ key, revision }) => ({ key, revision })), ...entries];
    floor = since;
  };
  return {
    async catchUp(since) {
      const view = await lister.view(resource);
      if (since !== undefined) await reach(since);
      return view;
    },
    changedSince(since) {
      if (since < floor) return undefined;
      let first = entries.length;
      while (first > 0 && entries[first - 1]!.revision > since) first--;
      const keys = new Map(entries.slice(first).map(({ key }) => [`${key.namespace}/${key.name}`, key]));
      return [...keys.values()];
    },
  };
}
