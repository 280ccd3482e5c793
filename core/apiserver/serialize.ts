// The JSON of stored objects, made once for each object and shared by gets, lists and watchers. What is kept is the text
// that follows metadata's opening brace: in front of it go kind and apiVersion (which list items lack) and the revision.
import type { Kind } from '../api/kinds/kind.ts';
import type { KubeObject } from '../api/objects.ts';
import type { Revision, StoredObject } from '../store/store.ts';
import { GenerationalCache } from './generational-cache.ts';
import { serializedCacheCharacters } from './limits.ts';

type Bodies = GenerationalCache<KubeObject, string>;

/** By the object's identity: the store hands out one frozen object for one version. */
const bodies: Bodies = new GenerationalCache(serializedCacheCharacters);
/** The same for kinds that show stored objects in a form of their own. */
const views = new WeakMap<Kind, Bodies>();

function cacheOf(kind: Kind): Bodies {
  if (!kind.fromStorage) return bodies;
  let cache = views.get(kind);
  if (!cache) views.set(kind, (cache = new GenerationalCache(serializedCacheCharacters)));
  return cache;
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

function bodyOf(kind: Kind, object: KubeObject): string {
  const cache = cacheOf(kind);
  const cached = cache.get(object);
  if (cached !== undefined) {
    if (!cache.isYoung(object)) cache.set(object, cached, cached.length);
    return cached;
  }
  const { apiVersion: _version, kind: _kind, metadata, ...rest } = inVersion(kind, object);
  // An object has a name and so its metadata is never empty: a comma may go before the body.
  const body = JSON.stringify({ metadata, ...rest }).slice(metadataStart);
  cache.set(object, body, body.length);
  return body;
}

const metadataOf = (revision: Revision): string =>
  revision === 0 ? '"metadata":{' : `"metadata":{"resourceVersion":"${revision}",`;

/** The whole object. */
export const objectJson = (kind: Kind, { object, revision }: StoredObject): string =>
  `{"kind":"${kind.kind}","apiVersion":"${apiVersionOf(kind)}",${metadataOf(revision)}${bodyOf(kind, object)}`;

/** The object as an item of a list of its kind. */
export const itemJson = (kind: Kind, { object, revision }: StoredObject): string =>
  `{${metadataOf(revision)}${bodyOf(kind, object)}`;
