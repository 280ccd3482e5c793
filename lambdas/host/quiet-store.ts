// A store that follows its log only while somebody watches. The API's hub and its counters listen from the first moment on; if that
// were enough, every warm function would ask its tables twice a second for nobody, and be billed for it.
import type { Resource, Store } from '../../core/store/store.ts';

type Listener = (resource: Resource) => void;

export interface QuietStore extends Store {
  /** From now on listeners are heard at once: those before only while something else goes on. */
  settled(): void;
  /** Something that waits for changes goes on: a watch. Returns its end. */
  follow(): () => void;
}

export function quietStore(store: Store): QuietStore {
  const listeners = new Set<{ listener: Listener }>();
  let isSettled = false;
  let going = 0;
  let stop: (() => void) | undefined;
  const follow = (): (() => void) => {
    if (going++ === 0) {
      // The first look after a pause tells of every resource that moved meanwhile.
      stop = store.onChange((resource) => {
        for (const { listener } of listeners) listener(resource);
      });
    }
    let goesOn = true;
    return () => {
      if (!goesOn) return;
      goesOn = false;
      if (--going > 0) return;
      stop?.();
      stop = undefined;
    };
  };
  return {
    get: (resource, key) => store.get(resource, key),
    list: (resource, options) => store.list(resource, options),
    commit: (commit) => store.commit(commit),
    changesSince: (resource, since, limit) => store.changesSince(resource, since, limit),
    head: (resource) => store.head(resource),
    close: () => store.close(),
    onChange(listener) {
      const entry = { listener };
      listeners.add(entry);
      const end = isSettled ? follow() : () => undefined;
      return () => {
        listeners.delete(entry);
        end();
      };
    },
    settled: () => {
      isSettled = true;
    },
    follow,
  };
}
