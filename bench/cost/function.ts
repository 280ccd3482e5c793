// A function as Lambda runs it: environments that are made when none is free, kept while they are used, and frozen between
// invocations; each invocation is billed from its start to its end.
import { type Count, Meter } from '../../aws/cost/meter.ts';
import type { Clock } from '../../core/ports.ts';
import type { Processor } from './processor.ts';
import type { SimulatedTime } from './time.ts';

/** An environment that nobody calls is let go after some minutes, and each after some hours. AWS says neither; these are taken to be so. */
const idleMs = 10 * 60_000;
const oldestMs = 2 * 3_600_000;

/** How long Lambda waits before it tries an invocation again that was throttled. AWS says nothing; this is taken to be so. */
const throttledMs = 250;

/** A share of a processor grows with memory: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html */
const mbPerProcessor = 1_769;

/** Lines that Lambda itself writes into the log: START, END, REPORT, each with what CloudWatch adds to an event (26 bytes). */
const ownLogBytes = 66 + 51 + 153 + 3 * 26;
const perLogEvent = 26;

/** What one environment of a function is made of; `environment` is frozen with it. */
export type Make<E, R> = (environment: Environment) => Promise<(event: E, remainingMs: () => number) => Promise<R>>;

export interface FunctionOptions<E, R> {
  name: string;
  memoryMb: number;
  timeoutSeconds: number;
  /** Processor milliseconds of the start: runtime and bundle. */
  initMs: number;
  make: Make<E, R>;
}

/** Timers of an environment fire only while an invocation runs. */
class FrozenClock implements Clock {
  readonly #time: SimulatedTime;
  readonly #overdue = new Set<() => void>();
  #isFrozen = true;

  constructor(time: SimulatedTime) {
    this.#time = time;
  }

  now(): number {
    return this.#time.now;
  }

  after(delayMs: number, callback: () => void): () => void {
    const fire = (): void => {
      if (this.#isFrozen) this.#overdue.add(callback);
      else callback();
    };
    const cancel = this.#time.after(delayMs, fire);
    return () => {
      cancel();
      this.#overdue.delete(callback);
    };
  }

  thaw(): void {
    this.#isFrozen = false;
    const due = [...this.#overdue];
    this.#overdue.clear();
    for (const callback of due) callback();
  }

  freeze(): void {
    this.#isFrozen = true;
  }
}

export class Environment {
  readonly clock: FrozenClock;
  readonly meter = new Meter();
  readonly bornMs: number;
  usedMs = 0;
  busy = false;
  invoke: ((event: never, remainingMs: () => number) => Promise<unknown>) | undefined;

  constructor(time: SimulatedTime) {
    this.clock = new FrozenClock(time);
    this.bornMs = time.now;
  }

  /** A line of the function's own log. */
  log(line: string): void {
    this.meter.add('logs', 'function', 'bytesIn', Buffer.byteLength(line) + perLogEvent);
  }
}

export class SimulatedFunction<E, R> {
  readonly #options: FunctionOptions<E, R>;
  readonly #time: SimulatedTime;
  readonly #processor: Processor;
  readonly #total: Meter;
  #environments: Environment[] = [];
  coldStarts = 0;
  /** Most invocations at once. */
  reserved = Number.POSITIVE_INFINITY;

  constructor(options: FunctionOptions<E, R>, parts: { time: SimulatedTime; processor: Processor; total: Meter }) {
    this.#options = options;
    this.#time = parts.time;
    this.#processor = parts.processor;
    this.#total = parts.total;
  }

  get name(): string {
    return this.#options.name;
  }

  /** Rejects with what the handler throws. */
  async invoke(event: E, cause: string): Promise<R> {
    const time = this.#time;
    while (this.#environments.filter(({ busy }) => busy).length >= this.reserved) await time.sleep(throttledMs);
    const beganMs = time.now;
    const { environment, initMs } = this.#environment();
    environment.busy = true;
    environment.meter.cause = cause;
    environment.clock.thaw();
    const work = this.#processor.begin();
    const endMs = beganMs + this.#options.timeoutSeconds * 1_000;
    try {
      environment.invoke ??= (await this.#options.make(environment)) as NonNullable<Environment['invoke']>;
      return (await environment.invoke(event as never, () => endMs - time.now)) as R;
    } finally {
      const processorMs = initMs + work.end();
      environment.clock.freeze();
      environment.busy = false;
      environment.usedMs = time.now;
      this.#bill(environment, time.now - beganMs, processorMs, cause);
    }
  }

  /** The one that was used last, as Lambda does it; a new one if none is free. */
  #environment(): { environment: Environment; initMs: number } {
    const { now } = this.#time;
    this.#environments = this.#environments.filter(
      ({ busy, usedMs, bornMs }) => busy || (now - usedMs < idleMs && now - bornMs < oldestMs),
    );
    const free = this.#environments.filter(({ busy }) => !busy).sort((a, b) => b.usedMs - a.usedMs);
    if (free[0]) return { environment: free[0], initMs: 0 };
    const environment = new Environment(this.#time);
    this.#environments.push(environment);
    this.coldStarts++;
    return { environment, initMs: this.#options.initMs };
  }

  #bill({ meter }: Environment, waitedMs: number, processorMs: number, cause: string): void {
    const { name, memoryMb } = this.#options;
    const share = Math.min(1, memoryMb / mbPerProcessor);
    const billedMs = Math.ceil(waitedMs + processorMs / share);
    meter.add('lambda', name, 'requests', 1, cause);
    meter.add('lambda', name, 'ms', billedMs, cause);
    meter.add('lambda', name, 'processorMs', processorMs, cause);
    meter.add('lambda', name, 'mbMs', billedMs * memoryMb, cause);
    meter.add('logs', 'lambda', 'bytesIn', ownLogBytes, cause);
    this.#total.addAll(meter.take());
  }
}

export type { Count };
