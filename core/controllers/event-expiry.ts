// Events are kept for an hour after they were last said, as kube-apiserver's event-ttl. They are listed now and then and not
// cached: there are many, and nobody waits for their end.
import type { CoreV1Event } from '../api/types.gen.ts';
import { resources } from '../client/resources.ts';
import type { Action, Controller } from './controller.ts';

export interface ObservedEvents {
  events: readonly CoreV1Event[];
}

const KEPT_MS = 3_600_000;
const EVERY_MS = 300_000;
const theKey = { namespace: '', name: 'events' };

function lastSaidMs({ series, lastTimestamp, eventTime, metadata }: CoreV1Event): number {
  const times = [series?.lastObservedTime, lastTimestamp, eventTime, metadata.creationTimestamp];
  return Math.max(...times.map((time) => (time ? Date.parse(time) : 0)));
}

export function decideEventExpiry({ events }: ObservedEvents, nowMs: number): Action[] {
  const old = events.filter((event) => lastSaidMs(event) + KEPT_MS <= nowMs);
  return [
    ...old.map(
      ({ metadata: { namespace = '', name = '', uid } }): Action => ({
        do: 'delete',
        of: resources.events,
        key: { namespace, name },
        options: uid ? { uid } : {},
      }),
    ),
    // Nobody is woken to forget.
    { do: 'requeue', afterMs: EVERY_MS, slackMs: KEPT_MS },
  ];
}

export const eventExpiryController: Controller<ObservedEvents> = {
  name: 'event-expiry',
  component: 'event-expiry-controller',
  watches: [],
  keysFor: () => [],
  observe: async (_key, _cache, client) => ({
    events: (await client.list(resources.events)).items as unknown as CoreV1Event[],
  }),
  decide: decideEventExpiry,
  async attach(enqueue) {
    enqueue(theKey);
    return () => {};
  },
  workers: 1,
};
