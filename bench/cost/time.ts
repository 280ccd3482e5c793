// Simulated time: it passes only when all that is under way waits for it. `install` makes it the time of this whole process, so
// that code with timers of its own (the agents) lives in it too.
import { syncBuiltinESMExports } from 'node:module';
import { setTimeout as realTimeout, setImmediate as turn } from 'node:timers';
import timersPromises from 'node:timers/promises';
import type { Clock } from '../../core/ports.ts';
import { DueQueue } from '../../test/simulation/due-queue.ts';

/** Turns of the event loop in which nothing may happen before time passes: what libraries do between two awaits takes a few. */
const quietTurns = 4;
/** Files are read by other threads, those of modules that are imported among them. Node tells of these, and not of cryptography. */
const isUnderWay = (): boolean => process.getActiveResourcesInfo().some((name) => name.includes('Req'));
/** Real milliseconds, so many times: how long something that is not seen to be under way may still come. */
const pauseMs = 10;
const mostPauses = 1_000;

export class SimulatedTime {
  now: number;
  readonly #due = new DueQueue();
  /** Work of other threads that is under way: cryptography. */
  #elsewhere = 0;
  readonly clock: Clock = {
    now: () => Math.floor(this.now),
    after: (delayMs, callback) => this.after(delayMs, callback),
  };

  constructor(startMs: number) {
    this.now = startMs;
  }

  /** @returns cancels */
  after(delayMs: number, callback: () => void): () => void {
    return this.#due.add(this.now + Math.max(0, delayMs), callback);
  }

  /** Nothing that was planned happens any more. */
  clear(): void {
    this.#due.clear();
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.after(ms, resolve));
  }

  /** Lets time pass until `untilMs`. */
  async pass(untilMs: number): Promise<void> {
    for (;;) {
      await this.#quiet();
      const next = this.#due.first;
      if (!next || next.atMs > untilMs) break;
      this.#due.pop();
      this.now = next.atMs;
      next.callback?.();
    }
    this.now = untilMs;
  }

  /** Lets time pass until the promise is settled. */
  async settle<T>(promise: Promise<T>): Promise<T> {
    let isDone = false;
    let pauses = 0;
    const done = promise.finally(() => (isDone = true));
    done.catch(() => undefined);
    while (!isDone) {
      await this.#quiet();
      if (isDone) break;
      const next = this.#due.first;
      if (next) await this.pass(next.atMs);
      else if (pauses++ < mostPauses) await new Promise<void>((resolve) => void realTimeout(resolve, pauseMs));
      else throw new Error('nothing is due, and what is waited for has not happened');
    }
    return await done;
  }

  async #quiet(): Promise<void> {
    for (let left = quietTurns; left > 0; left--) {
      await new Promise<void>((resolve) => void turn(() => resolve()));
      if (this.#elsewhere > 0 || isUnderWay()) left = quietTurns + 1;
    }
  }

  install(): void {
    const time = this;
    const RealDate = Date;
    class SimulatedDate extends RealDate {
      constructor(...parts: [] | [number | string | Date]) {
        if (parts.length === 0) super(Math.floor(time.now));
        else super(...parts);
      }
      static override now(): number {
        return Math.floor(time.now);
      }
    }
    const timer = (start: (callback: () => void, ms: number) => () => void) => {
      return (callback: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) =>
        handle(start(() => callback(...args), ms));
    };
    const once = timer((callback, ms) => time.after(ms, callback));
    const repeated = timer((callback, ms) => {
      let cancel = time.after(ms, again);
      function again(): void {
        cancel = time.after(ms, again);
        callback();
      }
      return () => cancel();
    });
    const clear = (one: { cancel?: () => void } | undefined): void => one?.cancel?.();
    Object.assign(globalThis, {
      Date: SimulatedDate,
      setTimeout: once,
      setInterval: repeated,
      clearTimeout: clear,
      clearInterval: clear,
    });
    performance.now = () => time.now;
    const sleep = (ms = 1, value?: unknown): Promise<unknown> => time.sleep(ms).then(() => value);
    Object.assign(timersPromises, { setTimeout: sleep });
    syncBuiltinESMExports();
    this.#watchCryptography();
  }

  #watchCryptography(): void {
    const { subtle } = crypto;
    const methods = [
      'digest',
      'sign',
      'verify',
      'encrypt',
      'decrypt',
      'importKey',
      'exportKey',
      'generateKey',
    ] as const;
    for (const name of methods) {
      const real = (subtle[name] as (...args: unknown[]) => Promise<unknown>).bind(subtle);
      Object.defineProperty(subtle, name, {
        value: async (...args: unknown[]) => {
          this.#elsewhere++;
          try {
            return await real(...args);
          } finally {
            this.#elsewhere--;
          }
        },
      });
    }
  }
}

function handle(cancel: () => void) {
  const one = { cancel, ref: () => one, unref: () => one, hasRef: () => true, [Symbol.dispose]: cancel };
  return one;
}
