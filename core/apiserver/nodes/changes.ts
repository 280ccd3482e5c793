// What changed for a node since it last asked: its pods, the config maps and secrets that they name, the services. Read from
// views that follow the change log once for all nodes; when nothing moved, this costs one look at each log's head.
import { findKind } from '../../api/kinds/index.ts';
import type { Kind } from '../../api/kinds/kind.ts';
import type { NodeSyncResponse, PodGone } from '../../api/node-sync.ts';
import type { KubeObject, ObjectKey } from '../../api/objects.ts';
import type { Service } from '../../api/types.gen.ts';
import type { Revision, Store, StoredObject } from '../../store/store.ts';
import type { Lister, View } from '../lister.ts';
import { podsByNode, referencesOf } from '../pods-by-node.ts';
import { served } from '../serialize.ts';
import { createPodJournal } from './pod-journal.ts';

type Changed = Pick<
  NodeSyncResponse,
  'since' | 'full' | 'pods' | 'deletedPods' | 'configMaps' | 'secrets' | 'services' | 'missing'
>;

export interface NodeChanges {
  /** `since` as an earlier answer gave it; anything else, or one too old, brings everything. */
  read(node: string, since: string | undefined): Promise<Changed>;
}

/** Revisions of pods, config maps, secrets and services. */
type Seen = readonly [Revision, Revision, Revision, Revision];

const parseSince = (text: string | undefined): Seen | undefined => {
  if (!text || !/^\d{1,15}(\.\d{1,15}){3}$/.test(text)) return undefined;
  return text.split('.').map(Number) as unknown as Seen;
};

export function createNodeChanges(store: Store, lister: Lister): NodeChanges {
  const journal = createPodJournal(store, lister);
  return {
    async read(node, since) {
      // Pods first: what they name is read at a later or the same moment, so nothing between is missed.
      const pods = await lister.view('pods');
      const podsAt = pods.revision;
      const mine = pods.entriesBy(podsByNode, node);
      const seen = parseSince(since);
      const departed = seen && seen[0] <= podsAt ? await journal.departures(node, seen[0]) : undefined;
      const [configMaps, secrets, services] = await Promise.all([
        lister.view('configmaps'),
        lister.view('secrets'),
        lister.view('services'),
      ]);
      const next: Seen = [podsAt, configMaps.revision, secrets.revision, services.revision];
      const known = seen && departed && next.every((revision, i) => revision >= (seen[i] ?? 0)) ? seen : undefined;
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
        ...(known && services.revision === known[3] ? {} : { services: clusterServices(services) }),
        missing: [...maps.missing, ...secretsOut.missing],
      } as Changed;
    },
  };
}

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

function clusterServices(view: View): KubeObject[] {
  const kind = kindOf('services');
  const withAddress = view.entries().filter(({ object }) => {
    const address = (object as unknown as Service).spec?.clusterIP;
    return address && address !== 'None';
  });
  return withAddress.map((service) => out(kind, service));
}
