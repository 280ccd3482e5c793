// Finds out what the decision needs: the object itself, fresh, and whether its owners are there. An owner that the graph does
// not know is asked for at the API, so that a cache that lags never makes an orphan of anybody.
import { isStatus } from '../../api/errors.ts';
import type { KubeObject } from '../../api/objects.ts';
import type { OwnerReference } from '../../api/types.gen.ts';
import type { Client, ResourceRef } from '../../client/client.ts';
import type { ResourceCatalog, ServedResource } from '../../client/discovery.ts';
import type { Clock } from '../../ports.ts';
import type { Controller } from '../controller.ts';
import { decideGarbage, type ObservedDependent, type ObservedItem, type OwnerState } from './decide.ts';
import { type GraphNode, isOrphaning, isWaiting, keyFor, nodeOf, OwnerGraph } from './graph.ts';

/** What is served is looked up again this often: definitions come and go. */
const DISCOVERY_MS = 30_000;
const DISCOVERY_SLACK_MS = 3_600_000;

interface Deps {
  graph: OwnerGraph;
  catalog: ResourceCatalog;
  client: Client;
}

async function getOrNothing(
  client: Client,
  of: ResourceRef,
  namespace: string,
  name: string,
): Promise<KubeObject | undefined> {
  try {
    return await client.get(of, { namespace, name });
  } catch (error) {
    if (isStatus(error, 'NotFound')) return undefined;
    throw error;
  }
}

interface OwnerFinding {
  reference: OwnerReference;
  state: OwnerState;
  known: boolean;
  invalid?: boolean;
}

/** An owner is looked for in the dependent's own namespace, or among what has none. */
async function findOwner(
  reference: OwnerReference,
  item: GraphNode,
  { graph, catalog, client }: Deps,
): Promise<OwnerFinding> {
  const inGraph = graph.get(reference.uid);
  if (inGraph && (inGraph.namespace === '' || inGraph.namespace === item.namespace)) {
    return { reference, state: isWaiting(inGraph) ? 'waiting' : 'solid', known: true };
  }
  const invalid = inGraph !== undefined;
  if (graph.isKnownAbsent(reference.uid, item.namespace)) return { reference, state: 'absent', known: true, invalid };
  const served = await findServed(catalog, reference);
  // What has no namespace cannot be owned by what has one: nothing can be said of such an owner, so it stands.
  if (served.namespaced && !item.namespace) return { reference, state: 'solid', known: true, invalid: true };
  const owner = await getOrNothing(client, served.of, served.namespaced ? item.namespace : '', reference.name);
  if (!owner || owner.metadata.uid !== reference.uid) {
    graph.noteAbsent(reference.uid, item.namespace);
    return { reference, state: 'absent', known: true, invalid };
  }
  const node = nodeOf(served.of, owner);
  return { reference, state: isWaiting(node) ? 'waiting' : 'solid', known: false };
}

async function findServed(catalog: ResourceCatalog, { apiVersion, kind }: OwnerReference): Promise<ServedResource> {
  const served = await catalog.find(apiVersion, kind);
  if (served) return served;
  catalog.forget();
  throw new Error(`no resource is served for owners of kind ${kind} in ${apiVersion}`);
}

async function dependentsOf(item: GraphNode, { graph, client }: Deps): Promise<ObservedDependent[]> {
  const dependents = graph.dependentsOf(item.uid);
  if (!isOrphaning(item)) return dependents.map((node) => ({ node }));
  return Promise.all(
    dependents.map(async (node) => {
      const fresh = await getOrNothing(client, node.of, node.namespace, node.name);
      return fresh?.metadata.uid === node.uid ? { node, fresh } : { node };
    }),
  );
}

async function observe(uid: string, deps: Deps): Promise<ObservedItem | undefined> {
  const cached = deps.graph.get(uid);
  if (!cached) return undefined;
  if (cached.deleting && !isWaiting(cached) && !isOrphaning(cached)) return undefined;
  const owners = await Promise.all(cached.owners.map((reference) => findOwner(reference, cached, deps)));
  const settled = owners.every(({ state, known, invalid }) => state === 'solid' && known && !invalid);
  // By far the most frequent case, which costs no request.
  if (!cached.deleting && settled) return undefined;
  const item = await getOrNothing(deps.client, cached.of, cached.namespace, cached.name);
  if (!item || item.metadata.uid !== uid) return undefined;
  const fresh = nodeOf(cached.of, item);
  const still = new Set(fresh.owners.map((owner) => owner.uid));
  const added = fresh.owners.filter((owner) => !owners.some(({ reference }) => reference.uid === owner.uid));
  const more = await Promise.all(added.map((reference) => findOwner(reference, fresh, deps)));
  const current = [...owners.filter(({ reference }) => still.has(reference.uid)), ...more];
  return {
    of: cached.of,
    item,
    owners: current.map(({ reference, state, known }) => ({ reference, state, known })),
    dependents: await dependentsOf(fresh, deps),
    invalid: current.filter(({ invalid }) => invalid).map(({ reference }) => reference),
  };
}

export function garbageCollector(catalog: ResourceCatalog, clock: Clock): Controller<ObservedItem> {
  const graph = new OwnerGraph();
  return {
    name: 'garbage-collector',
    component: 'garbage-collector-controller',
    watches: [],
    keysFor: () => [],
    observe: (key, _cache, client) => observe(key.name, { graph, catalog, client }),
    decide: decideGarbage,
    workers: 20,
    async attach(enqueue, informers) {
      const wake = (uid: string): void => enqueue(keyFor(uid));
      let cancel = (): void => {};
      let ended = false;
      const refresh = async (): Promise<void> => {
        try {
          graph.follow(await catalog.served(), informers, wake);
        } finally {
          if (!ended) cancel = clock.after(DISCOVERY_MS, () => void refresh().catch(() => {}), DISCOVERY_SLACK_MS);
        }
      };
      await refresh().catch(() => {});
      return () => {
        ended = true;
        cancel();
        graph.stop();
      };
    },
  };
}
