// The shape that every API object shares. Concrete types are generated (types.gen.ts).
import type { ObjectMeta } from './types.gen.ts';

/** An object as stored and as served: apiVersion and kind are always set, metadata.name too once it is stored. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  [field: string]: unknown;
}

/** A concrete generated type (`Pod`) with the three fields that a stored object always has. */
export type Stored<T> = T & { apiVersion: string; kind: string; metadata: ObjectMeta & { name: string; uid: string } };

/** Identity of an object within its resource. Cluster-scoped objects have namespace ''. */
export interface ObjectKey {
  namespace: string;
  name: string;
}

export const keyOf = (object: { metadata?: ObjectMeta }): ObjectKey => ({
  namespace: object.metadata?.namespace ?? '',
  name: object.metadata?.name ?? '',
});

/** `namespace/name`, or `name` for cluster-scoped objects: what logs and work queues use. */
export const keyString = (key: ObjectKey): string => (key.namespace ? `${key.namespace}/${key.name}` : key.name);
