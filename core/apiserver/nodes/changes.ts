// What changed for a node since it last asked: its pods, the config maps and secrets that they name, and the cluster's network.
// Read from views that follow the change log once for all nodes; when nothing moved, this costs one look at each log's head.
import { findKind } from '../../api/kinds/index.ts';
import type { Kind } from '../../api/kinds/kind.ts';
import type { NetworkChanges, NodeSyncResponse, PodGone } from '../../api/node-sync.ts';
import type { KubeObject, ObjectKey } from '../../api/objects.ts';
import type { Revision, Store, StoredObject } from '../../store/store.ts';
import type { Lister, View } from '../lister.ts';
import { podsByNode, referencesOf } from '../pods-by-node.ts';
import { served } from '../serialize.ts';
import { createNetworkReader } from './network-changes.ts';
import { createPodJournal } from './pod-journal.ts';

type Changed = Pick<
  NodeSyncResponse,
  'since' | 'full' | 'pods' | 'deletedPods' | 'configMaps' | 'secrets' | 'network' | 'missing'
>;

export interface NodeChanges {
  /**
   * `since` as an earlier answer gave it; anything else, or one too old, brings everything.
   * @param withPeers the node asks for the other nodes too
   */
  read(node: string, since: string | undefined, withPeers: boolean): Promise<Changed>;
}

/** Revisions of pods, config maps, secrets, services, endpoint slices and, for a node that asks for its peers, nodes. */
type Seen = readonly [Revision, Revision, Revision, ...network: Revision[]];

const parseSince = (text: string | undefined, withPeers: boolean): Seen | undefined => {
  if (!text || !/^\d{1,15}(\.\d{1,15}){4,5}$/.test(text)) return undefined;
  const revisions = text.split('.').map(Number);
  return revisions.length === (withPeers ? 6 : 5) ? (revisions as unknown as Seen) : undefined;
};

export function createNodeChanges(store: Store, lister: Lister): NodeChanges {
  const journal = createPodJournal(store, lister);
  const networkReader = createNetworkReader(store, lister);
  return {
    async read(node, since, withPeers) {
      // Pods first: what they name is read at a later or the same moment, so nothing between is missed.
      const pods = await lister.view('pods');
      const podsAt = pods.revision;
      const mine = pods.entriesBy(podsByNode, node);
      const seen = parseSince(since, withPeers);
      const departed = seen && seen[0] <= podsAt ? await journal.departures(node, seen[0]) : undefined;
      const [configMaps, secrets, network] = await Promise.all([
        lister.view('configmaps'),
        lister.view('secrets'),
        networkReader.catchUp(seen?.slice(3), withPeers),
      ]);
      // No await from here on: what is read is of the revisions that are told.
      const next: Seen = [podsAt, configMaps.revision, secrets.revision, ...network.revisions()];
      const isWithin = seen && departed && next.every((revision, i) => revision >= (seen[i] ?? 0));
      const networkSince = isWithin ? network.since(seen.slice(3)) : undefined;
      const known = networkSince ? seen : undefined;
      const named = namedBy(mine, known ? journal.arrivals(node, known[0]) : undefined);
      const maps = pick(kindOf('configmaps'), configMaps, named.configMaps, known?.[1]);
      const secretsOut = pick(kindOf('secrets'), secrets, named.secrets, known?.[2]);
      const podKind = kindOf('pods');
      return {
        since: next.join('.'),
        full: known === undefined,
        pods: mine.filter(({ revision }) => revision > (known?.[0] ?? -1)).map((pod) => out(podKind, pod)),
        deletedPods: known && departed ? withoutPresent(departed, mine) : [],
        configMaps: maps.changed as Changed['configMaps'],
        secrets: secretsOut.changed as Changed['secrets'],
        ...(networkSince && isNothing(networkSince) ? {} : { network: networkSince ?? network.all() }),
        missing: [...maps.missing, ...secretsOut.missing],
      } as Changed;
    },
  };
}

const isNothing = (changes: NetworkChanges): boolean => Object.values(changes).every((list) => list.length === 0);

function kindOf(plural: string): Kind {
  const kind = findKind('', 'v1', plural);
  if (!kind) throw new Error(`the kind of ${plural} is not registered`);
  return kind;
}

const out = (kind: Kind, stored: StoredObject): KubeObject => served(kind, stored);

const withoutPresent = (departed: readonly PodGone[], mine: readonly StoredObject[]): PodGone[] => {
  const present = new Set(mine.map(({ object }) => object.metadata.uid));
  return departed.filter(({ uid }) => !present.has(uid)).map(({ namespace, name, uid }) => ({ namespace, name, uid }));
};

/** `fresh`: named by a pod that just came, so sent whatever its revision. */
type Named = Map<string, ObjectKey & { fresh: boolean }>;

function namedBy(
  pods: readonly StoredObject[],
  arrived: ReadonlySet<string> | undefined,
): { configMaps: Named; secrets: Named } {
  const configMaps: Named = new Map();
  const secrets: Named = new Map();
  const note = (into: Named, namespace: string, name: string, fresh: boolean): void => {
    const key = `${namespace}/${name}`;
    const standing = into.get(key);
    if (standing) standing.fresh ||= fresh;
    else into.set(key, { namespace, name, fresh });
  };
  for (const { object } of pods) {
    const { namespace = '', name = '' } = object.metadata;
    const references = referencesOf(object);
    const fresh = arrived === undefined || arrived.has(`${namespace}/${name}`);
    for (const each of references.configMaps) note(configMaps, namespace, each, fresh);
    for (const each of references.secrets) note(secrets, namespace, each, fresh);
  }
  return { configMaps, secrets };
}

function pick(
  kind: Kind,
  view: View,
  named: Named,
  since: Revision | undefined,
): { changed: KubeObject[]; missing: string[] } {
  const changed: KubeObject[] = [];
  const missing: string[] = [];
  for (const [key, { namespace, name, fresh }] of named) {
    const found = view.get({ namespace, name });
    if (!found) missing.push(`${kind.kind}/${key}`);
    else if (fresh || found.revision > (since ?? -1)) changed.push(out(kind, found));
  }
  return { changed, missing };
}
