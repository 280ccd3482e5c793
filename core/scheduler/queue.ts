// Pods that wait for a node: ready to be tried, backing off, or waiting for something that may help.
// Follows https://kubernetes.io/docs/concepts/scheduling-eviction/ and kube-scheduler's queue: 1 s to 10 s of backoff, and a
// new try after five minutes whatever happens.
import type { Clock } from '../ports.ts';
import type { ClusterEvent } from './filters/filter.ts';
import type { PendingPods } from './metrics.ts';
import type { PodInfo, StoredPod } from './pod-info.ts';
import { dynamicFilters, staticFilters } from './rules.ts';

const BACKOFF_FIRST_MS = 1_000;
const BACKOFF_LIMIT_MS = 10_000;
const UNSCHEDULABLE_LIMIT_MS = 300_000;

interface Waiting {
  info: PodInfo;
  attempts: number;
  /** When it came into the queue: of equal priority the earlier goes first. */
  addedMs: number;
  state: 'active' | 'backoff' | 'unschedulable' | 'tried';
  refusedBy: ReadonlySet<string>;
  /** Something that may help happened while it was being tried. */
  helped: boolean;
  backoffUntilMs: number;
  cancel?: () => void;
}

const filters = new Map([...staticFilters, ...dynamicFilters].map((filter) => [filter.name, filter]));

const goesBefore = (a: Waiting, b: Waiting): boolean =>
  a.info.priority !== b.info.priority ? a.info.priority > b.info.priority : a.addedMs < b.addedMs;

/** A binary heap of what is active; entries that changed state since are skipped when taken. */
class Heap {
  readonly #items: Waiting[] = [];

  push(item: Waiting): void {
    const items = this.#items;
    let at = items.push(item) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!goesBefore(items[at]!, items[parent]!)) break;
      [items[at], items[parent]] = [items[parent]!, items[at]!];
      at = parent;
    }
  }

  pop(): Waiting | undefined {
    const items = this.#items;
    const top = items[0];
    const last = items.pop();
    if (!top || !last || items.length === 0) return top;
    items[0] = last;
    for (let at = 0; ; ) {
      const left = 2 * at + 1;
      const right = left + 1;
      let first = at;
      if (left < items.length && goesBefore(items[left]!, items[first]!)) first = left;
      if (right < items.length && goesBefore(items[right]!, items[first]!)) first = right;
      if (first === at) return top;
      [items[at], items[first]] = [items[first]!, items[at]!];
      at = first;
    }
  }
}

export class SchedulingQueue {
  readonly #clock: Clock;
  readonly #pods = new Map<string, Waiting>();
  readonly #active = new Heap();
  readonly #unschedulable = new Set<Waiting>();
  #serial = 0;
  /** Called when something becomes active. */
  onActive: () => void = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Something is ready to be tried. */
  get hasActive(): boolean {
    return [...this.#pods.values()].some(({ state }) => state === 'active');
  }

  /** Pods that no node would take, as last seen, whether or not something that may help has happened since. */
  unschedulable(): StoredPod[] {
    const refused = [...this.#pods.values()].filter(({ state, refusedBy }) => state !== 'active' && refusedBy.size > 0);
    return refused.map(({ info }) => info.pod);
  }

  get size(): number {
    return this.#pods.size;
  }

  /** Those being tried count as active. */
  pending(): PendingPods {
    const counts: PendingPods = { active: 0, backoff: 0, unschedulable: 0 };
    for (const { state } of this.#pods.values()) counts[state === 'tried' ? 'active' : state]++;
    return counts;
  }

  /** A pod that is to be scheduled, as the API shows it now. A change of its own may help it. */
  set(pod: StoredPod, makeInfo: (pod: StoredPod) => PodInfo): void {
    const { uid, generation } = pod.metadata;
    const known = this.#pods.get(uid);
    if (!known) {
      // The fraction keeps the order of arrival within a millisecond.
      const addedMs = this.#clock.now() + (this.#serial++ % 1000) / 1000;
      const waiting: Waiting = {
        info: makeInfo(pod),
        attempts: 0,
        addedMs,
        state: 'tried',
        refusedBy: new Set(),
        helped: false,
        backoffUntilMs: 0,
      };
      this.#pods.set(uid, waiting);
      this.#activate(waiting);
      return;
    }
    const before = known.info.pod.metadata;
    known.info = makeInfo(pod);
    const changed =
      before.generation !== generation || JSON.stringify(before.labels) !== JSON.stringify(pod.metadata.labels);
    if (changed) this.#help(known);
  }

  delete(uid: string): void {
    const waiting = this.#pods.get(uid);
    if (!waiting) return;
    waiting.cancel?.();
    this.#pods.delete(uid);
    this.#unschedulable.delete(waiting);
  }

  /** The next to be tried; it stays known until deleted, and comes back through `failed`. */
  take(): PodInfo | undefined {
    for (let waiting = this.#active.pop(); waiting; waiting = this.#active.pop()) {
      const current = this.#pods.get(waiting.info.pod.metadata.uid);
      if (current !== waiting || waiting.state !== 'active') continue;
      waiting.state = 'tried';
      waiting.attempts++;
      waiting.helped = false;
      return waiting.info;
    }
    return undefined;
  }

  /** No node would do, or the binding failed (`refusedBy` empty: tried again after its backoff). */
  failed(uid: string, refusedBy: ReadonlySet<string>): void {
    const waiting = this.#pods.get(uid);
    if (!waiting) return;
    const backoffMs = Math.min(BACKOFF_FIRST_MS * 2 ** (waiting.attempts - 1), BACKOFF_LIMIT_MS);
    waiting.backoffUntilMs = this.#clock.now() + backoffMs;
    waiting.refusedBy = refusedBy;
    if (refusedBy.size === 0 || waiting.helped) {
      this.#backOff(waiting);
      return;
    }
    waiting.state = 'unschedulable';
    this.#unschedulable.add(waiting);
    waiting.cancel = this.#clock.after(UNSCHEDULABLE_LIMIT_MS, () => this.#help(waiting));
  }

  /** Wakes those whom the event may help. */
  react(event: ClusterEvent): void {
    for (const waiting of this.#unschedulable) if (mayHelp(event, waiting)) this.#help(waiting);
  }

  #help(waiting: Waiting): void {
    if (waiting.state !== 'unschedulable') {
      waiting.helped = true;
      return;
    }
    waiting.cancel?.();
    this.#unschedulable.delete(waiting);
    this.#backOff(waiting);
  }

  #backOff(waiting: Waiting): void {
    const leftMs = waiting.backoffUntilMs - this.#clock.now();
    if (leftMs <= 0) {
      this.#activate(waiting);
      return;
    }
    waiting.state = 'backoff';
    waiting.cancel = this.#clock.after(leftMs, () => this.#activate(waiting));
  }

  #activate(waiting: Waiting): void {
    waiting.state = 'active';
    waiting.cancel = undefined;
    this.#active.push(waiting);
    this.onActive();
  }

  clear(): void {
    for (const waiting of this.#pods.values()) waiting.cancel?.();
    this.#pods.clear();
    this.#unschedulable.clear();
  }
}

const mayHelp = (event: ClusterEvent, { info, refusedBy }: Waiting): boolean =>
  [...refusedBy].some((name) => filters.get(name)?.isHelpedBy(event, info) ?? true);
