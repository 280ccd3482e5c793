// Limits of the API server, with kube-apiserver's own values where clients can notice.

/** A larger request body is refused with 413. */
export const maxBodyBytes = 3 * 1024 * 1024;

/** A write that keeps losing the race for its object is given up with a Conflict after this many attempts. */
export const maxWriteAttempts = 64;

/** A create with generateName picks another name this often when the first is taken. */
export const maxNameAttempts = 8;

/** How long a list, get or watch from a revision of the future waits for it, in milliseconds. */
export const futureRevisionWaitMs = 3_000;

/** Bookmarks of a watch come about this often, in milliseconds. */
export const bookmarkIntervalMs = 60_000;

/** A watch that names no timeout ends after this long, times one to two, in milliseconds. */
export const minWatchTimeoutMs = 1_800_000;

/** A watcher that is this many changes behind is cut off; what it costs until then is references to shared changes. */
export const maxWatchBacklog = 10_000;

/** Objects that one page of a list with selectors reads from the store. */
export const selectionPageSize = 1_000;

/** Objects that a deletecollection deletes at the same time. */
export const deleteCollectionWorkers = 16;

/** Characters of serialised objects that are kept because lists showed them; at most twice as many. Ten thousand pods are about 28 million. */
export const listedCacheCharacters = 32 * 1024 * 1024;

/** The same of objects that were just written or got: for the answer, and for the watchers that come right after it. */
export const recentCacheCharacters = 1024 * 1024;

/** Bytes of serialised watch events that are kept for other watchers; at most twice as many. */
export const eventCacheBytes = 4 * 1024 * 1024;

/** A stored object, as etcd limits its requests, in bytes. */
export const maxObjectBytes = 1_572_864;

/** Events are gathered into writes of about this many bytes while a watcher catches up. */
export const watchWriteBytes = 64 * 1024;
