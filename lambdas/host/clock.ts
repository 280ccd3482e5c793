// The clock of what lives only as long as an invocation. Timers are kept in order; while an invocation runs they fire as on any
// clock, between invocations nothing does. What is left says when the function wants to be woken.
import type { Clock } from '../../core/ports.ts';

interface Timer {
  atMs: number;
  /** A host that is asleep need not wake before. */
  latestMs: number;
  callback: () => void;
}

export class InvocationClock implements Clock {
  readonly #host: Clock;
  /** By time, then by when they were asked for. */
  readonly #timers: Timer[] = [];
  #running = false;
  #cancel: (() => void) | undefined;

  constructor(host: Clock) {
    this.#host = host;
  }

  now(): number {
    return this.#host.now();
  }

  after(delayMs: number, callback: () => void, slackMs = 0): () => void {
    const atMs = this.now() + Math.max(0, delayMs);
    const timer: Timer = { atMs, latestMs: atMs + slackMs, callback };
    this.#timers.splice(this.#placeAfter(atMs), 0, timer);
    if (this.#timers[0] === timer) this.#arm();
    return () => {
      const at = this.#timers.indexOf(timer);
      if (at >= 0) this.#timers.splice(at, 1);
    };
  }

  /** From now on timers fire; those that fell due meanwhile at once. */
  begin(): void {
    this.#running = true;
    this.#fire();
  }

  /** Nothing fires until the next `begin`. */
  end(): void {
    this.#running = false;
    this.#cancel?.();
    this.#cancel = undefined;
  }

  /** Milliseconds until the earliest timer, 0 when it is due; undefined when there is none. */
  get nextMs(): number | undefined {
    const first = this.#timers[0];
    return first && Math.max(0, first.atMs - this.now());
  }

  /** The same, counting for each timer how much later is still well: when who sleeps must wake. */
  get nextDueMs(): number | undefined {
    let earliest: number | undefined;
    for (const { latestMs } of this.#timers) if (earliest === undefined || latestMs < earliest) earliest = latestMs;
    return earliest === undefined ? undefined : Math.max(0, earliest - this.now());
  }

  /** Calls back on the host's own clock: it counts in no answer of `nextMs` and `nextDueMs`. */
  alarm(delayMs: number, callback: () => void): () => void {
    return this.#host.after(delayMs, callback);
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.alarm(ms, resolve));
  }

  /** The first place whose timer is later. */
  #placeAfter(atMs: number): number {
    let low = 0;
    let high = this.#timers.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#timers[middle]!.atMs <= atMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #arm(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const delayMs = this.nextMs;
    if (!this.#running || delayMs === undefined) return;
    this.#cancel = this.#host.after(delayMs, () => {
      this.#cancel = undefined;
      this.#fire();
    });
  }

  /** Each timer that is due when this begins, in order; what they ask for comes after, even when due at once. */
  #fire(): void {
    const nowMs = this.now();
    const due = this.#timers.splice(0, this.#placeAfter(nowMs));
    try {
      for (let timer = due.shift(); timer; timer = due.shift()) timer.callback();
    } finally {
      this.#timers.unshift(...due);
      this.#arm();
    }
  }
}
