// Somebody with kubectl: asks again when there is no answer, as a person or a script does, and then finds out what became of it.

import { isStatus } from '../../../core/api/errors.ts';
import { type KubeObject, keyOf } from '../../../core/api/objects.ts';
import type { Client, ResourceRef } from '../../../core/client/client.ts';
import type { Random } from '../../../core/client/fixture/random.ts';
import type { VirtualTime } from '../virtual-time.ts';

export interface User {
  create(of: ResourceRef, object: KubeObject): Promise<KubeObject>;
  /** A strategic patch, which does the same when it is done twice. */
  patch(of: ResourceRef, key: { namespace?: string; name: string }, patch: object): Promise<KubeObject>;
  delete(of: ResourceRef, key: { namespace?: string; name: string }): Promise<void>;
}

/** Whether to ask again; the gateway's own answers come as errors of the server. */
export const isTransient = (error: unknown): boolean => isStatus(error) && (error.code === 429 || error.code >= 500);

export function userOf(client: Client, time: VirtualTime, random: Random): User {
  const patiently = async <T>(attempt: (isAgain: boolean) => Promise<T>): Promise<T> => {
    for (let isAgain = false; ; isAgain = true) {
      try {
        return await attempt(isAgain);
      } catch (error) {
        if (!isTransient(error)) throw error;
        await time.sleep(100 + random.below(2_000));
      }
    }
  };
  return {
    delete: (of, key) =>
      patiently(async (isAgain) => {
        try {
          await client.delete(of, key);
        } catch (error) {
          if (!isAgain || !isStatus(error, 'NotFound')) throw error;
        }
      }),
    create: (of, object) =>
      patiently(async (isAgain) => {
        try {
          return await client.create<KubeObject>(of, object);
        } catch (error) {
          if (!isAgain || !isStatus(error, 'AlreadyExists')) throw error;
          return await client.get<KubeObject>(of, keyOf(object));
        }
      }),
    patch: (of, key, patch) =>
      patiently(() => client.patch<KubeObject>(of, key, patch as KubeObject, { type: 'strategic' })),
  };
}
