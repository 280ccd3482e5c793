// What whoever makes the two tables must know: key attributes, stream and TTL. Constants only; it imports nothing.

export interface TableSchema {
  readonly partitionKey: { readonly name: string; readonly type: 'S' | 'N' };
  readonly sortKey: { readonly name: string; readonly type: 'S' | 'N' };
  /** Attribute with the time of expiry, in seconds since the epoch. */
  readonly ttl: string;
  /** View type of the stream; undefined: none. */
  readonly stream: 'NEW_IMAGE' | undefined;
}

/** Objects, tombstones, counters, and which pods a node has. */
export const objectsSchema: TableSchema = {
  partitionKey: { name: 'pk', type: 'S' },
  sortKey: { name: 'sk', type: 'S' },
  ttl: 'ttl',
  stream: undefined,
};

/** The change log of every resource. */
export const changesSchema: TableSchema = {
  partitionKey: { name: 'pk', type: 'S' },
  sortKey: { name: 'rev', type: 'N' },
  ttl: 'ttl',
  stream: 'NEW_IMAGE',
};

/** Changes of these resources wake no function. */
export const quietResources: readonly string[] = ['events', 'leases.coordination.k8s.io', 'functions.slipway.internal'];
/**
 * Of type N, in change rows of all other resources, so that the filter of a stream's consumer can take these alone: what a filter asks
 * of an attribute that is not there is told differently by Lambda's documentation and by emulators.
 */
export const wakingAttribute = 'w';
