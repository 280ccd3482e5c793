// The one call between the node and the control plane (core/api/node-sync.ts): woken by the doorbell, by something to
// report, or by time. While the control plane is away, reports wait: the newest status of each pod, nothing is lost.
import {
  maxSyncEvents,
  type NodeSyncRequest,
  type NodeSyncResponse,
  type PodGone,
  type PodReport,
} from '../core/api/node-sync.ts';
import type { KubeObject } from '../core/api/objects.ts';
import type { CoreV1Event, NodeStatus } from '../core/api/types.gen.ts';
import type { Log } from '../core/ports.ts';

export type SentEvent = KubeObject & CoreV1Event;

interface PendingEvent {
  event: SentEvent;
  resolve(): void;
}

export interface SyncDeps {
  /** Throws when the control plane is away or refuses. */
  call(request: NodeSyncRequest): Promise<NodeSyncResponse>;
  apply(answer: NodeSyncResponse): void;
  leaseDurationSeconds: number;
  /** Whether to ask for the other nodes. */
  peers: boolean;
  /** Longest time between two calls. */
  intervalMs: number;
  log: Log;
}

/** What changes together is reported together. */
const debounceMs = 1;
/** What only tells that a start goes on waits for the next call of another reason, or this long: most starts are over by then. */
const patienceMs = 400;
const firstBackoffMs = 100;
const maxBackoffMs = 5_000;

export class SyncLoop {
  readonly #deps: SyncDeps;
  readonly #statuses = new Map<string, PodReport>();
  readonly #gone = new Map<string, PodGone>();
  #events: PendingEvent[] = [];
  #nodeStatus: NodeStatus | undefined;
  #since: string | undefined;
  #calling = false;
  /** Wanted after the call that is under way: so many milliseconds after its end. */
  #againMs: number | undefined;
  #failures = 0;
  #closed = false;
  #timer: NodeJS.Timeout | undefined;
  #dueAt = Number.POSITIVE_INFINITY;
  #lastSuccess = 0;

  constructor(deps: SyncDeps) {
    this.#deps = deps;
  }

  /** Milliseconds since the epoch of the last answer; 0: none yet. */
  get lastSuccess(): number {
    return this.#lastSuccess;
  }

  start(): void {
    this.#schedule(0);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  /** The doorbell. */
  ring(): void {
    this.#schedule(0);
  }

  /** @param patient nobody acts on this one: it may wait a little, and be overtaken by a newer one */
  report(report: PodReport, patient = false): void {
    this.#statuses.set(report.uid, report);
    this.#schedule(patient ? patienceMs : debounceMs);
  }

  reportGone(gone: PodGone): void {
    this.#gone.set(gone.uid, gone);
    this.#schedule(debounceMs);
  }

  reportNode(status: NodeStatus): void {
    this.#nodeStatus = status;
    this.#schedule(debounceMs);
  }

  /** Resolves once the control plane has taken them. */
  async reportEvents(events: readonly SentEvent[]): Promise<void> {
    const pending = events.map((event) => ({ event, ...Promise.withResolvers<void>() }));
    this.#events.push(...pending);
    this.#schedule(debounceMs);
    await Promise.all(pending.map(({ promise }) => promise));
  }

  #schedule(delayMs: number): void {
    if (this.#closed) return;
    if (this.#calling) {
      this.#againMs = Math.min(this.#againMs ?? delayMs, delayMs);
      return;
    }
    // A back-off is not cut short by local changes, only by the doorbell, which proves that somebody is there.
    if (this.#failures > 0 && delayMs > 0 && this.#dueAt !== Number.POSITIVE_INFINITY) return;
    const at = performance.now() + delayMs;
    if (at >= this.#dueAt) return;
    this.#setTimer(delayMs);
  }

  #setTimer(delayMs: number): void {
    clearTimeout(this.#timer);
    this.#dueAt = performance.now() + delayMs;
    // The shortest timer is a millisecond, which a doorbell need not wait.
    if (delayMs === 0) setImmediate(() => void this.#call());
    else this.#timer = setTimeout(() => void this.#call(), delayMs);
  }

  async #call(): Promise<void> {
    if (this.#closed) return;
    this.#calling = true;
    this.#againMs = undefined;
    this.#dueAt = Number.POSITIVE_INFINITY;
    const statuses = [...this.#statuses.values()];
    const gone = [...this.#gone.values()];
    const events = this.#events.slice(0, maxSyncEvents);
    const nodeStatus = this.#nodeStatus;
    let next = this.#deps.intervalMs;
    try {
      const answer = await this.#deps.call({
        leaseDurationSeconds: this.#deps.leaseDurationSeconds,
        time: new Date().toISOString(),
        ...(nodeStatus ? { nodeStatus } : {}),
        podStatuses: statuses,
        podsGone: gone,
        ...(events.length > 0 ? { events: events.map(({ event }) => event) } : {}),
        ...(this.#since !== undefined ? { since: this.#since } : {}),
        ...(this.#deps.peers ? { peers: true } : {}),
      });
      if (this.#closed) return;
      if (this.#failures > 0) this.#deps.log('info', 'control plane is back', { reports: statuses.length });
      this.#failures = 0;
      this.#lastSuccess = Date.now();
      this.#delivered(statuses, gone, nodeStatus);
      this.#taken(events);
      for (const refused of answer.refused) this.#deps.log('warn', 'report refused', { ...refused });
      next = Math.min(next, answer.nextSyncMs);
      this.#deps.apply(answer);
      // Only now: what could not be taken in is asked for again.
      this.#since = answer.since;
    } catch (error) {
      if (this.#closed) return;
      next = Math.min(firstBackoffMs * 2 ** this.#failures, maxBackoffMs);
      if (this.#failures++ === 0) this.#deps.log('warn', 'control plane is away', { error: (error as Error).message });
      this.#againMs = undefined;
    } finally {
      this.#calling = false;
    }
    this.#setTimer(Math.min(next, this.#againMs ?? next));
  }

  #taken(events: readonly PendingEvent[]): void {
    for (const { resolve } of events) resolve();
    this.#events = this.#events.filter((event) => !events.includes(event));
    if (this.#events.length > 0) this.#schedule(debounceMs);
  }

  /** What was sent is forgotten, unless it changed meanwhile. */
  #delivered(statuses: PodReport[], gone: PodGone[], nodeStatus: NodeStatus | undefined): void {
    for (const report of statuses) if (this.#statuses.get(report.uid) === report) this.#statuses.delete(report.uid);
    for (const pod of gone) this.#gone.delete(pod.uid);
    if (this.#nodeStatus === nodeStatus) this.#nodeStatus = undefined;
  }
}
