// The JSON of stored objects, made once for each object and shared by gets, lists and watchers. What is kept is the text
// that follows metadata's opening brace: in front of it go kind and apiVersion (which list items lack) and the revision.
import type { Kind } from '../api/kinds/kind.ts';
import type { KubeObject } from '../api/objects.ts';
import type { Revision, StoredObject } from '../store/store.ts';
import { GenerationalCache } from './generational-cache.ts';
import { listedCacheCharacters, recentCacheCharacters } from './limits.ts';

type Bodies = GenerationalCache<KubeObject, string>;

/** By the object's identity: the store hands out one frozen object for one version. */
interface Caches {
  recent: Bodies;
  listed: Bodies;
}

const newCaches = (): Caches => ({
  recent: new GenerationalCache(recentCacheCharacters),
  listed: new GenerationalCache(listedCacheCharacters),
});

const bodies = newCaches();
/** The same for kinds that show stored objects in a form of their own. */
const views = new WeakMap<Kind, Caches>();

function cachesOf(kind: Kind): Caches {
  if (!kind.fromStorage) return bodies;
  let caches = views.get(kind);
  if (!caches) views.set(kind, (caches = newCaches()));
  return caches;
}

export const apiVersionOf = (kind: Pick<Kind, 'group' | 'version'>): string =>
  kind.group ? `${kind.group}/${kind.version}` : kind.version;

/** The group of the stored form, which is what kube-apiserver's validation names (new events are core events). */
export const storedGroup = ({ resource }: Pick<Kind, 'resource'>): string =>
  resource.includes('.') ? resource.slice(resource.indexOf('.') + 1) : '';

/** The object in the kind's own version, without its revision. */
export const inVersion = (kind: Kind, object: KubeObject): KubeObject =>
  kind.fromStorage ? kind.fromStorage(object) : object;

/**
 * The object as clients of this kind see it: in its version, with its resource version (none for revision 0, which is
 * what a dry run gives). Shares what it can: only the object itself and its metadata are new.
 */
export function served(kind: Kind, stored: StoredObject): KubeObject {
  const object = inVersion(kind, stored.object);
  if (stored.revision === 0) return { ...object, metadata: { ...object.metadata } };
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(stored.revision) } };
}

const metadataStart = '{"metadata":{'.length;

function bodyOf(kind: Kind, object: KubeObject, by: keyof Caches): string {
  const { recent, listed } = cachesOf(kind);
  const cached = listed.get(object) ?? recent.get(object);
  const into = by === 'listed' ? listed : recent;
  if (cached !== undefined) {
    if (!listed.isYoung(object) && !into.isYoung(object)) into.set(object, cached, cached.length);
    return cached;
  }
  const { apiVersion: _version, kind: _kind, metadata, ...rest } = inVersion(kind, object);
  // An object has a name and so its metadata is never empty: a comma may go before the body.
  const body = JSON.stringify({ metadata, ...rest }).slice(metadataStart);
  into.set(object, body, body.length);
  return body;
}

const metadataOf = (revision: Revision): string =>
  revision === 0 ? '"metadata":{' : `"metadata":{"resourceVersion":"${revision}",`;

/** The whole object. */
export const objectJson = (kind: Kind, { object, revision }: StoredObject): string =>
  `{"kind":"${kind.kind}","apiVersion":"${apiVersionOf(kind)}",${metadataOf(revision)}${bodyOf(kind, object, 'recent')}`;

/** The object as an item of a list of its kind. */
export const itemJson = (kind: Kind, { object, revision }: StoredObject): string =>
  `{${metadataOf(revision)}${bodyOf(kind, object, 'listed')}`;
