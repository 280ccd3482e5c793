// Runs one controller: changes become keys, keys are observed, decided and acted upon, with backoff and resync.
// `handleKeys` does the same for a batch of keys and returns. A host that is not always there pauses it between its lives.
import { isStatus, type StatusError } from '../api/errors.ts';
import { keyString, type ObjectKey } from '../api/objects.ts';
import type { Client, ResourceRef } from '../client/client.ts';
import { EventRecorder } from '../client/event-recorder.ts';
import type { Informers } from '../client/informers.ts';
import { resourceName } from '../client/resources.ts';
import type { Ports } from '../ports.ts';
import { act } from './act.ts';
import type { Controller, Failure } from './controller.ts';
import type { QueueMetrics } from './queue-metrics.ts';
import { WorkQueue } from './work-queue.ts';

const DEFAULT_WORKERS = 5;
/** A resync mends what should not have happened: nobody is woken for it alone. */
const RESYNC_SLACK_MS = 3_600_000;

export interface RunnerDeps {
  client: Client;
  ports: Ports;
  informers: Informers;
  queueMetrics?: QueueMetrics;
}

/** What a key wants next: nothing, or to be looked at again after a delay. */
export interface KeyResult {
  key: ObjectKey;
  again?: { afterMs: number; failed: boolean; slackMs?: number };
}

/** Keys of cluster-scoped and namespaced objects never meet in one controller, but a name may hold no slash anyway. */
const idOf = (key: ObjectKey): string => `${key.namespace}\n${key.name}`;

/** The answer was lost, or the server does not know itself: the write may have taken effect. */
const isUncertain = (error: Error): boolean => !isStatus(error) || (error as StatusError).code >= 500;

export class ControllerRunner<Observed> {
  readonly controller: Controller<Observed>;
  readonly #deps: RunnerDeps;
  readonly #events: EventRecorder;
  readonly #queue: WorkQueue<ObjectKey>;
  readonly #unsubscribe: (() => void)[] = [];
  /** Resources of writes that may or may not have taken effect, by key: they are listed anew before the next decision. */
  readonly #uncertain = new Map<string, Map<string, ResourceRef>>();
  #running = false;
  #paused = false;
  #busy = 0;
  #cancelResync: (() => void) | undefined;
  #whenIdle: (() => void)[] = [];

  constructor(controller: Controller<Observed>, deps: RunnerDeps) {
    this.controller = controller;
    this.#deps = deps;
    this.#events = new EventRecorder({ client: deps.client, ports: deps.ports, component: controller.component });
    this.#queue = new WorkQueue(deps.ports.clock, idOf, deps.queueMetrics?.observer(controller.name));
    for (const of of controller.watches) deps.informers.for(of);
  }

  /** Follows the informers from now on; they must have their first list. */
  async start(): Promise<void> {
    this.#running = true;
    for (const of of this.controller.watches) {
      const unsubscribe = this.#deps.informers.for(of).subscribe((object, previous) => {
        for (const key of this.controller.keysFor(of, object, previous, this.#deps.informers)) this.#queue.add(key);
      });
      this.#unsubscribe.push(unsubscribe);
    }
    this.#queue.onReady = () => this.#work();
    this.#work();
    this.#planResync();
    const detach = await this.controller.attach?.((key) => this.#queue.add(key), this.#deps.informers);
    if (detach) this.#unsubscribe.push(detach);
    if (!this.#running) for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
  }

  /** No key is begun any more; resolves when those begun are done. */
  async stop(): Promise<void> {
    this.#running = false;
    this.#cancelResync?.();
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
    this.#queue.clear();
    await this.whenIdle();
  }

  /** Begins no further key until `resume`; what waits is kept. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#work();
  }

  /** Nothing is being worked on and nothing waits to be, delays aside. */
  get idle(): boolean {
    return this.#busy === 0 && this.#queue.idle;
  }

  /** Resolves once it is idle and its events are written; while paused, once what was begun is done. */
  async whenIdle(): Promise<void> {
    while (this.#busy > 0 || (this.#running && !this.#paused && !this.#queue.idle)) {
      await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
    }
    await this.#events.flush();
  }

  enqueue(key: ObjectKey): void {
    this.#queue.add(key);
  }

  /** Has every key looked at again. */
  resync(): void {
    for (const of of this.controller.watches) {
      for (const object of this.#deps.informers.list(of)) {
        for (const key of this.controller.keysFor(of, object, object, this.#deps.informers)) this.#queue.add(key);
      }
    }
  }

  /** Looks at each key once, several side by side, and says what each wants next. Needs no start(). */
  async handleKeys(keys: readonly ObjectKey[]): Promise<KeyResult[]> {
    const waiting = [...new Map(keys.map((key) => [idOf(key), key])).values()];
    const results: KeyResult[] = [];
    const worker = async (): Promise<void> => {
      for (let key = waiting.shift(); key; key = waiting.shift()) results.push(await this.#reconcile(key));
    };
    await Promise.all(Array.from({ length: this.controller.workers ?? DEFAULT_WORKERS }, worker));
    await this.#events.flush();
    return results;
  }

  #planResync(): void {
    const { resyncMs } = this.controller;
    if (!resyncMs || !this.#running) return;
    const resync = (): void => {
      this.resync();
      this.#planResync();
    };
    this.#cancelResync = this.#deps.ports.clock.after(resyncMs, resync, RESYNC_SLACK_MS);
  }

  #work(): void {
    while (this.#running && !this.#paused && this.#busy < (this.controller.workers ?? DEFAULT_WORKERS)) {
      const key = this.#queue.take();
      if (!key) break;
      this.#busy++;
      void this.#handle(key).finally(() => {
        this.#busy--;
        this.#queue.done(key);
        this.#work();
        if (this.#busy === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
      });
    }
  }

  async #handle(key: ObjectKey): Promise<void> {
    const { again } = await this.#reconcile(key);
    if (again?.failed) {
      this.#queue.addFailed(key);
      return;
    }
    this.#queue.forget(key);
    if (again) this.#queue.addAfter(key, again.afterMs, again.slackMs);
  }

  async #reconcile(key: ObjectKey): Promise<KeyResult> {
    const { client, ports, informers } = this.#deps;
    const context = { client, informers, events: this.#events };
    try {
      await this.#settle(key);
      const observed = await this.controller.observe(key, informers, client);
      if (observed === undefined) return { key };
      const actions = this.controller.decide(observed, ports.clock.now());
      for (const action of actions) if (action.do === 'enqueue') this.#queue.add(action.key);
      const failures = await act(actions, context);
      if (failures.length > 0) {
        this.#report(key, failures);
        this.#doubt(key, failures);
        const answer = this.controller.failed?.(observed, failures, ports.clock.now()) ?? [];
        const further = await act(answer, context);
        if (further.length > 0) this.#report(key, further);
        return { key, again: { afterMs: 0, failed: true } };
      }
      const delays = actions.filter((action) => action.do === 'requeue');
      if (delays.length === 0) return { key };
      const afterMs = Math.min(...delays.map((delay) => delay.afterMs));
      const latestMs = Math.min(...delays.map((delay) => delay.afterMs + (delay.slackMs ?? 0)));
      return { key, again: { afterMs, failed: false, slackMs: latestMs - afterMs } };
    } catch (error) {
      ports.log('error', 'reconcile failed', {
        controller: this.controller.name,
        key: keyString(key),
        message: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
      return { key, again: { afterMs: 0, failed: true } };
    }
  }

  #doubt(key: ObjectKey, failures: readonly Failure[]): void {
    const doubtful = failures.flatMap(({ action, error }) => ('of' in action && isUncertain(error) ? [action.of] : []));
    if (doubtful.length > 0) {
      this.#uncertain.set(idOf(key), new Map(doubtful.map((of) => [resourceName(of), of])));
    }
  }

  async #settle(key: ObjectKey): Promise<void> {
    const doubtful = this.#uncertain.get(idOf(key));
    if (!doubtful) return;
    await Promise.all([...doubtful.values()].map((of) => this.#deps.informers.refresh(of)));
    this.#uncertain.delete(idOf(key));
  }

  /** Conflicts are everyday life; the rest may be worth a look. */
  #report(key: ObjectKey, failures: readonly Failure[]): void {
    for (const { action, error } of failures) {
      const level = isStatus(error, 'Conflict', 'AlreadyExists', 'NotFound') ? 'debug' : 'warn';
      const fields = {
        controller: this.controller.name,
        key: keyString(key),
        action: action.do,
        message: error.message,
      };
      this.#deps.ports.log(level, 'action failed', fields);
    }
  }
}
