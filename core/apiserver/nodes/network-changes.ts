// What changed of the cluster's network (core/api/node-sync.ts) since a node last asked: the same for every node.
import { findKind } from '../../api/kinds/index.ts';
import type { Kind } from '../../api/kinds/kind.ts';
import type { NetworkChanges } from '../../api/node-sync.ts';
import type { KubeObject, ObjectKey } from '../../api/objects.ts';
import type { Revision, Store, StoredObject } from '../../store/store.ts';
import type { Lister, View } from '../lister.ts';
import { served } from '../serialize.ts';
import { type ChangeJournal, createChangeJournal } from './change-journal.ts';

/** Revisions of services and of endpoint slices. */
type NetworkSeen = readonly [services: Revision, endpointSlices: Revision];

/** All of its methods speak of the moment they are called at: who wants one state must not wait in between. */
interface NetworkState {
  revisions(): NetworkSeen;
  all(): NetworkChanges;
  /** undefined when that can no longer be told. */
  since(seen: NetworkSeen): NetworkChanges | undefined;
}

export interface NetworkReader {
  /** @param seen how far back `since` will be asked for */
  catchUp(seen: NetworkSeen | undefined): Promise<NetworkState>;
}

export function createNetworkReader(store: Store, lister: Lister): NetworkReader {
  const services = createChangeJournal(store, lister, 'services');
  const slices = createChangeJournal(store, lister, 'endpointslices.discovery.k8s.io');
  return {
    async catchUp(seen) {
      const [serviceView, sliceView] = await Promise.all([services.catchUp(seen?.[0]), slices.catchUp(seen?.[1])]);
      return {
        revisions: () => [serviceView.revision, sliceView.revision],
        all: () => answer(everything(serviceView), everything(sliceView)),
        since([servicesAt, slicesAt]) {
          const changedServices = changed(serviceView, services, servicesAt);
          const changedSlices = changed(sliceView, slices, slicesAt);
          return changedServices && changedSlices && answer(changedServices, changedSlices);
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

const answer = (services: Part, slices: Part): NetworkChanges =>
  ({
    services: shown(kindOf('', 'services'), services.standing),
    endpointSlices: shown(kindOf('discovery.k8s.io', 'endpointslices'), slices.standing),
    deletedServices: services.gone,
    deletedEndpointSlices: slices.gone,
  }) as unknown as NetworkChanges;

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
