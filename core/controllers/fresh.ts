// Objects as the API has them, for when the cache may be behind.
import { isStatus } from '../api/errors.ts';
import type { KubeObject, ObjectKey } from '../api/objects.ts';
import type { ObjectMeta } from '../api/types.gen.ts';
import type { Client, ResourceRef } from '../client/client.ts';

interface Known {
  metadata: ObjectMeta;
}

/** What has this name now; undefined: nothing has. Rejects with what else the API answers. */
export async function findFresh(client: Client, of: ResourceRef, key: ObjectKey): Promise<KubeObject | undefined> {
  try {
    return await client.get(of, key);
  } catch (error) {
    if (isStatus(error, 'NotFound')) return undefined;
    throw error;
  }
}

/** The same object as it is now; undefined: it is gone, or another has its name. Rejects as `findFresh`. */
export async function getFresh<T extends Known>(client: Client, of: ResourceRef, known: T): Promise<T | undefined> {
  const { namespace = '', name = '', uid } = known.metadata;
  const found = await findFresh(client, of, { namespace, name });
  return found?.metadata.uid === uid ? (found as unknown as T) : undefined;
}
