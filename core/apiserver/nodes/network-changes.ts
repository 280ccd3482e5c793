// What changed of the cluster's network (core/api/node-sync.ts) since a node last asked: the same for every node.
import { findKind } from '../../api/kinds/index.ts';
import type { Kind } from '../../api/kinds/kind.ts';
import type { NetworkChanges, NodePeer } from '../../api/node-sync.ts';
import type { KubeObject, ObjectKey } from '../../api/objects.ts';
import type { Revision, Store, StoredObject } from '../../store/store.ts';
import type { Lister, View } from '../lister.ts';
import { served } from '../serialize.ts';
import { type ChangeJournal, createChangeJournal } from './change-journal.ts';
import { peerOf } from './peers.ts';

/** Revisions of services, of endpoint slices and, for those who ask for their peers, of nodes. */
type NetworkSeen = readonly Revision[];

/** All of its methods speak of the moment they are called at: who wants one state must not wait in between. */
interface NetworkState {
  revisions(): NetworkSeen;
  all(): NetworkChanges;
  /** undefined when that can no longer be told. */
  since(seen: NetworkSeen): NetworkChanges | undefined;
}

export interface NetworkReader {
  /** @param seen how far back `since` will be asked for */
  catchUp(seen: NetworkSeen | undefined, withPeers: boolean): Promise<NetworkState>;
}

export function createNetworkReader(store: Store, lister: Lister): NetworkReader {
  const journals = ['services', 'endpointslices.discovery.k8s.io'].map((of) => createChangeJournal(store, lister, of));
  const nodes = createChangeJournal(store, lister, 'nodes');
  return {
    async catchUp(seen, withPeers) {
      const followed = withPeers ? [...journals, nodes] : journals;
      const views = await Promise.all(followed.map((journal, i) => journal.catchUp(seen?.[i])));
      return {
        revisions: () => views.map(({ revision }) => revision),
        all: () => answer(views.map(everything)),
        since(revisions) {
          const parts = views.map((view, i) => changed(view, followed[i]!, revisions[i] ?? 0));
          return parts.every((part) => part !== undefined) ? answer(parts) : undefined;
        },
      };
    },
  };
}

interface Part {
  standing: readonly StoredObject[];
  gone: readonly ObjectKey[];
}

const everything = (view: View): Part => ({ standing: view.entries(), gone: [] });

function changed(view: View, journal: ChangeJournal, since: Revision): Part | undefined {
  const keys = journal.changedSince(since);
  if (!keys) return undefined;
  const found = keys.map((key) => ({ key, stored: view.get(key) }));
  return {
    standing: found.flatMap(({ stored }) => stored ?? []),
    gone: found.filter(({ stored }) => !stored).map(({ key }) => key),
  };
}

const answer = ([services, slices, nodes]: readonly Part[]): NetworkChanges =>
  ({
    services: shown(kindOf('', 'services'), services!.standing),
    endpointSlices: shown(kindOf('discovery.k8s.io', 'endpointslices'), slices!.standing),
    deletedServices: services!.gone,
    deletedEndpointSlices: slices!.gone,
    ...(nodes ? peersOf(nodes) : {}),
  }) as unknown as NetworkChanges;

/** A node that has lost its address is as good as gone. */
function peersOf({ standing, gone }: Part): Required<Pick<NetworkChanges, 'peers' | 'deletedPeers'>> {
  const peers: NodePeer[] = [];
  const deletedPeers = gone.map(({ name }) => name);
  for (const { object } of standing) {
    const peer = peerOf(object);
    if (peer) peers.push(peer);
    else deletedPeers.push(object.metadata.name ?? '');
  }
  return { peers, deletedPeers };
}

function kindOf(group: string, plural: string): Kind {
  const kind = findKind(group, 'v1', plural);
  if (!kind) throw new Error(`the kind of ${plural} is not registered`);
  return kind;
}

/** Who wrote which field is of no use to a node, and the larger part of what it would be sent. */
const shown = (kind: Kind, objects: readonly StoredObject[]): KubeObject[] =>
  objects.map((stored) => {
    const { metadata, ...rest } = served(kind, stored);
    const { managedFields: _managedFields, ...kept } = metadata;
    return { ...rest, metadata: kept } as KubeObject;
  });
