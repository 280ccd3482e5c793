// Keys to be looked at: each is waiting once at most, and never worked on twice at once. What is added while being worked on
// comes again after. Failures wait longer each time. Follows client-go's workqueue and its default item backoff.
import type { Clock } from '../ports.ts';

const BACKOFF_FIRST_MS = 5;
const BACKOFF_LIMIT_MS = 1_000_000;

/** Told what happens to the keys, by their ids. */
export interface QueueObserver {
  added(id: string): void;
  taken(id: string): void;
  done(id: string): void;
  retried(id: string): void;
  cleared(): void;
}

export class WorkQueue<Key> {
  readonly #clock: Clock;
  readonly #idOf: (key: Key) => string;
  readonly #observer: QueueObserver | undefined;
  readonly #waiting = new Map<string, Key>();
  readonly #active = new Set<string>();
  /** Added again while active. */
  readonly #again = new Map<string, Key>();
  readonly #failures = new Map<string, number>();
  readonly #delayed = new Map<string, { dueMs: number; latestMs: number; cancel: () => void }>();
  /** Called when something is ready to be taken. */
  onReady: () => void = () => {};

  constructor(clock: Clock, idOf: (key: Key) => string, observer?: QueueObserver) {
    this.#clock = clock;
    this.#idOf = idOf;
    this.#observer = observer;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Nothing waits or is being worked on; what waits for its time does not count. */
  get idle(): boolean {
    return this.#waiting.size === 0 && this.#active.size === 0;
  }

  add(key: Key): void {
    const id = this.#idOf(key);
    if (this.#active.has(id)) this.#again.set(id, key);
    else if (!this.#waiting.has(id)) {
      this.#waiting.set(id, key);
      this.#observer?.added(id);
      this.onReady();
    }
  }

  /** Of several delays of one key, the earliest stands, and the earliest of what is still well. */
  addAfter(key: Key, delayMs: number, slackMs = 0): void {
    if (delayMs <= 0) {
      this.add(key);
      return;
    }
    const id = this.#idOf(key);
    const nowMs = this.#clock.now();
    const standing = this.#delayed.get(id);
    const dueMs = Math.min(nowMs + delayMs, standing?.dueMs ?? Number.POSITIVE_INFINITY);
    const latestMs = Math.min(nowMs + delayMs + slackMs, standing?.latestMs ?? Number.POSITIVE_INFINITY);
    if (standing && standing.dueMs <= dueMs && standing.latestMs <= latestMs) return;
    standing?.cancel();
    const come = (): void => {
      this.#delayed.delete(id);
      this.add(key);
    };
    const cancel = this.#clock.after(Math.max(0, dueMs - nowMs), come, Math.max(0, latestMs - dueMs));
    this.#delayed.set(id, { dueMs, latestMs, cancel });
  }

  /** After a failure: 5 ms, doubled with each one in a row, up to 1,000 s. Returns the delay in milliseconds. */
  addFailed(key: Key): number {
    const id = this.#idOf(key);
    const failures = this.#failures.get(id) ?? 0;
    this.#failures.set(id, failures + 1);
    this.#observer?.retried(id);
    const delayMs = Math.min(BACKOFF_FIRST_MS * 2 ** failures, BACKOFF_LIMIT_MS);
    this.addAfter(key, delayMs);
    return delayMs;
  }

  forget(key: Key): void {
    this.#failures.delete(this.#idOf(key));
  }

  take(): Key | undefined {
    for (const [id, key] of this.#waiting) {
      this.#waiting.delete(id);
      this.#active.add(id);
      this.#observer?.taken(id);
      return key;
    }
    return undefined;
  }

  done(key: Key): void {
    const id = this.#idOf(key);
    this.#active.delete(id);
    this.#observer?.done(id);
    const again = this.#again.get(id);
    if (again === undefined) return;
    this.#again.delete(id);
    this.add(again);
  }

  clear(): void {
    for (const { cancel } of this.#delayed.values()) cancel();
    this.#delayed.clear();
    this.#waiting.clear();
    this.#again.clear();
    this.#observer?.cleared();
  }
}
