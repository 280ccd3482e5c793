// The scheduler as a function: over caches that catch up. When pods fit on no node it asks the workers' function to look.
import { startScheduler } from '../../core/scheduler/start.ts';
import { cachesOf, type Host } from '../host/caches.ts';
import type { Decode } from '../host/event.ts';
import type { ReactingFunction } from '../host/reacting-function.ts';
import { Waker } from '../host/wake.ts';

export interface SchedulerHost extends Host {
  /** Invokes the workers' function, asynchronously; absent: the cluster starts no workers. */
  askForWorkers?: (() => Promise<void>) | undefined;
  sendDelayed?: ((delaySeconds: number) => Promise<void>) | undefined;
  decode: Decode;
}

export function schedulerFunction(host: SchedulerHost): ReactingFunction {
  const { clock, ports, client, written, informers } = cachesOf(host, 'kube-scheduler');
  const scheduler = startScheduler({ client, ports, informers });
  // Nothing is begun before an invocation has brought the caches up to date.
  scheduler.pause();
  /** Pods for which workers have been asked for. */
  let asked = new Set<string>();
  return {
    parts: { clock, informers, parts: [scheduler], written, isFollowed: () => true },
    waker: new Waker({ name: 'scheduler', store: host.store, clock, sendDelayed: host.sendDelayed }),
    decode: host.decode,
    log: host.ports.log,
    async afterwards() {
      const waiting = new Set(scheduler.unschedulable().map(({ metadata }) => metadata.uid));
      const isNew = [...waiting].some((uid) => !asked.has(uid));
      if (isNew) await host.askForWorkers?.();
      asked = waiting;
    },
  };
}
