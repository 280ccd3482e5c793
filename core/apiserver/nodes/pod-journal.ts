// Which pods came to a node or left it, and at which revision, so that a sync call learns of them without a scan. Fed by
// the view of pods; it reaches back to the view's own beginning, and further on request while the log still holds it.
import type { KubeObject, ObjectKey } from '../../api/objects.ts';
import type { Pod } from '../../api/types.gen.ts';
import type { Change, Revision, Store } from '../../store/store.ts';
import type { Lister } from '../lister.ts';
import { referencesOf } from '../pods-by-node.ts';
import { readBack } from './read-back.ts';

export interface Departure extends ObjectKey {
  uid: string;
  revision: Revision;
}

export interface PodJournal {
  /** Pods that left this node after `since`; undefined when that can no longer be told. */
  departures(node: string, since: Revision): Promise<readonly Departure[] | undefined>;
  /** Keys (`namespace/name`) of pods that came, or began to name other objects, after `since`; undefined as above. */
  arrivals(node: string, since: Revision): ReadonlySet<string>;
}

const maxEntriesPerNode = 10_000;

interface NodeEntries {
  arrived: { key: string; revision: Revision }[];
  departed: Departure[];
}

export function createPodJournal(store: Store, lister: Lister): PodJournal {
  let floor = Number.POSITIVE_INFINITY;
  const nodes = new Map<string, NodeEntries>();
  const entriesOf = (node: string): NodeEntries => {
    let found = nodes.get(node);
    if (!found) nodes.set(node, (found = { arrived: [], departed: [] }));
    return found;
  };
  const note = (change: Change, previous: KubeObject | undefined): void => {
    const before = previous && nodeOf(previous);
    const after = change.type === 'DELETED' ? undefined : nodeOf(change.object);
    const { namespace, name } = change.key;
    const { revision } = change;
    const sameUid = previous?.metadata.uid === change.object.metadata.uid;
    if (before && previous && (before !== after || !sameUid)) {
      entriesOf(before).departed.push({ namespace, name, uid: previous.metadata.uid ?? '', revision });
    }
    if (after && (before !== after || !sameUid || !sameReferences(previous, change.object))) {
      entriesOf(after).arrived.push({ key: `${namespace}/${name}`, revision });
    }
    for (const node of [before, after]) if (node) floor = Math.max(floor, trim(entriesOf(node)));
  };
  lister.observe('pods', {
    listed(view) {
      nodes.clear();
      floor = view.revision;
    },
    changed: note,
  });
  /** Puts what happened between `since` and the floor before what is known. */
  const extendBack = async (since: Revision): Promise<boolean> => {
    const known = new Map(nodes);
    const until = floor;
    const changes = await readBack(store, 'pods', since, until);
    if (!changes) return false;
    // While this read, the view may have been listed anew or another call may have gone further back.
    if (floor !== until) return floor <= since;
    nodes.clear();
    for (const change of changes) note(change, change.previous);
    for (const [node, { arrived, departed }] of known) {
      entriesOf(node).arrived.push(...arrived);
      entriesOf(node).departed.push(...departed);
    }
    floor = since;
    return true;
  };
  return {
    async departures(node, since) {
      if (since < floor && !(await extendBack(since))) return undefined;
      return (nodes.get(node)?.departed ?? []).filter(({ revision }) => revision > since);
    },
    arrivals(node, since) {
      const arrived = nodes.get(node)?.arrived ?? [];
      return new Set(arrived.filter(({ revision }) => revision > since).map(({ key }) => key));
    },
  };
}

const nodeOf = (object: KubeObject): string | undefined => (object as unknown as Pod).spec?.nodeName || undefined;

/** Ephemeral containers may bring new references to a pod that runs. */
function sameReferences(before: KubeObject | undefined, after: KubeObject): boolean {
  if (!before) return false;
  const a = referencesOf(before);
  const b = referencesOf(after);
  const same = (x: ReadonlySet<string>, y: ReadonlySet<string>): boolean =>
    x.size === y.size && [...x].every((value) => y.has(value));
  return same(a.configMaps, b.configMaps) && same(a.secrets, b.secrets);
}

/** Drops the older half of a list that grew too long; the revision up to which the journal no longer tells all. */
function trim({ arrived, departed }: NodeEntries): Revision {
  let dropped = 0;
  for (const list of [arrived, departed]) {
    if (list.length <= maxEntriesPerNode) continue;
    const gone = list.splice(0, list.length >> 1);
    dropped = Math.max(dropped, gone.at(-1)?.revision ?? 0);
  }
  return dropped;
}
