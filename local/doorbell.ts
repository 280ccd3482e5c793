// Rings the doorbells of the nodes that a change concerns, so that they sync at once. Many changes in a row make few rings.
// One that is lost is only a delay, so there is one more try and no more: the first may have met a connection that the agent
// was just closing as idle.
import type { KubeObject } from '../core/api/objects.ts';
import { networkResources, ringsEveryNode } from '../core/apiserver/nodes/doorbells.ts';
import type { Clock, Log } from '../core/ports.ts';
import type { Hub } from '../core/store/hub.ts';
import type { Change, Resource, Store } from '../core/store/store.ts';

export interface DoorbellOptions {
  store: Store;
  hub: Hub;
  /** Which nodes the changes concern. */
  nodesOf(resource: Resource, changes: readonly Change[]): Promise<readonly string[]>;
  /** Resolves when the node's agent took the call. */
  ring(node: KubeObject): Promise<void>;
  clock: Clock;
  log: Log;
}

const watched: readonly Resource[] = ['pods', 'nodes', 'configmaps', 'secrets'];

/**
 * A round to every node is made at once, and the next one no sooner than this, and two milliseconds more for each node: a rolling
 * update changes slices many times a second, and each ring is a sync.
 */
const roundPauseMs = 50;
const roundPausePerNodeMs = 2;

/** One node's bell: while a call is under way, more wishes become one more call. */
type Bell = 'ringing' | 'again';

/** Returns a function that stops it. */
export async function startDoorbells(options: DoorbellOptions): Promise<() => void> {
  const { store, hub, nodesOf, clock, log } = options;
  const bells = new Map<string, Bell>();

  const call = async (name: string): Promise<void> => {
    const node = await store.get('nodes', { namespace: '', name });
    if (node) await options.ring(node.object);
  };
  const ring = async (name: string): Promise<void> => {
    if (bells.has(name)) {
      bells.set(name, 'again');
      return;
    }
    bells.set(name, 'ringing');
    for (;;) {
      await call(name)
        .catch(() => call(name))
        .catch((error: Error) => log('debug', 'doorbell-not-heard', { node: name, error: error.message }));
      if (bells.get(name) !== 'again') break;
      bells.set(name, 'ringing');
    }
    bells.delete(name);
  };

  const subscriptions = new Map<Resource, { close(): void }>();
  let stopped = false;
  const everyNode = async (): Promise<number> => {
    const { items } = await store.list('nodes');
    for (const { object } of items) void ring(object.metadata.name ?? '');
    return items.length;
  };
  const round = rounds(everyNode, clock, log);
  const subscribe = async (resource: Resource): Promise<void> => {
    const onChanges = (changes: readonly Change[]): void => {
      if (changes.some((change) => ringsEveryNode(resource, change))) round.wish();
      if (!watched.includes(resource)) return;
      nodesOf(resource, changes)
        .then((nodes) => new Set(nodes).forEach((name) => void ring(name)))
        .catch((error: Error) => log('warn', 'doorbells-not-rung', { resource, error: error.message }));
    };
    // A reader that fell behind begins anew; what it missed may concern any node.
    const onEnd = (error: unknown): void => {
      if (!error || stopped) return;
      log('warn', 'doorbells-began-anew', { resource, error: String(error) });
      subscribe(resource)
        .then(everyNode)
        .catch((again: Error) => log('error', 'doorbells-stopped', { resource, error: again.message }));
    };
    subscriptions.set(resource, await hub.subscribe(resource, await store.head(resource), { onChanges, onEnd }));
  };
  await Promise.all([...watched, ...networkResources].map(subscribe));
  return () => {
    stopped = true;
    round.stop();
    for (const subscription of subscriptions.values()) subscription.close();
  };
}

/** Rounds to every node: wishes that come during a round's pause become one more round. */
function rounds(everyNode: () => Promise<number>, clock: Clock, log: Log): { wish(): void; stop(): void } {
  let state: 'quiet' | 'pausing' | 'wished' | 'stopped' = 'quiet';
  const go = async (): Promise<void> => {
    state = 'pausing';
    const nodes = await everyNode().catch((error: Error) => {
      log('warn', 'doorbells-not-rung', { error: error.message });
      return 0;
    });
    clock.after(roundPauseMs + nodes * roundPausePerNodeMs, () => {
      if (state === 'wished') void go();
      else if (state === 'pausing') state = 'quiet';
    });
  };
  return {
    wish() {
      if (state === 'quiet') void go();
      else if (state === 'pausing') state = 'wished';
    },
    stop() {
      state = 'stopped';
    },
  };
}
