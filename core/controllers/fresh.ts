// One object as the API has it, for when the cache may be behind.
import { isStatus } from '../api/errors.ts';
import type { ObjectMeta } from '../api/types.gen.ts';
import type { Client, ResourceRef } from '../client/client.ts';

interface Known {
  metadata: ObjectMeta;
}

/** undefined: it is gone, or another has its name. Rejects with what else the API answers. */
export async function getFresh<T extends Known>(client: Client, of: ResourceRef, known: T): Promise<T | undefined> {
  const { namespace = '', name = '', uid } = known.metadata;
  try {
    const found = await client.get(of, { namespace, name });
    return found.metadata.uid === uid ? (found as unknown as T) : undefined;
  } catch (error) {
    if (isStatus(error, 'NotFound')) return undefined;
    throw error;
  }
}
