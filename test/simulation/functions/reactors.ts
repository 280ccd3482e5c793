// The functions that react, the scheduler and the controllers, and what invokes them besides the stream: calls of the tick, and
// delayed wishes, of which some come twice.
import type { Random } from '../../../core/client/fixture/random.ts';
import type { Ids } from '../../../core/ports.ts';
import { controllersFunction } from '../../../lambdas/controllers/function.ts';
import type { BatchResponse, Call, FunctionEvent } from '../../../lambdas/host/event.ts';
import type { FunctionName } from '../../../lambdas/host/function-state.ts';
import { invoke, type ReactingFunction } from '../../../lambdas/host/reacting-function.ts';
import { schedulerFunction } from '../../../lambdas/scheduler/function.ts';
import type { VirtualTime } from '../virtual-time.ts';
import { composeOver } from './control-plane.ts';
import type { Environment } from './environment.ts';
import { type Lambda, Pool, Throttled } from './pool.ts';
import type { StreamRecord } from './streams.ts';

export type Reactor = Exclude<FunctionName, 'workers' | 'load-balancers'>;

/** Those that the simulation runs. */
export const isReactor = (name: FunctionName): name is Reactor => (reactors as readonly FunctionName[]).includes(name);

export const reactors: readonly Reactor[] = ['scheduler', 'controllers'];

export interface ReactorOptions {
  /** Environments of each function that work at once. */
  instances: number;
  schedulers: number;
  /** Probability that a call or a wish comes twice. */
  duplicates: number;
  /** Probability that an invocation has hardly any time. */
  shortTimes: number;
  ids: Ids;
  ring(names: readonly string[]): void;
}

/** As infra/function-shapes.ts gives it. */
const limitMs = 60_000;
/** With this much left nothing is begun (lambdas/host/reaction.ts), but for 50 ms. */
const shortMs = 5_050;
/** As infra/wake-ups.ts sets them. */
const oldestCallMs = 60_000;
const visibilityMs = 360_000;
const mostReceives = 3;
const mostTakers = 2;
const mostWishes = 10;

/** Nothing is signed here; the bundle is published in every namespace. */
const ca = { certificate: 'PEM', key: '' };

export class Reactors {
  readonly #pools: Readonly<Record<Reactor, Pool<ReactingFunction>>>;
  readonly #options: ReactorOptions;
  readonly #time: VirtualTime;
  readonly #random: Random;
  /** Messages that have come, and how often each was received before. */
  readonly #wishes: { receives: number }[] = [];
  #takers = 0;
  /** How often the scheduler asked for workers. */
  workersAsked = 0;

  constructor(lambda: Lambda, options: ReactorOptions) {
    this.#options = options;
    this.#time = lambda.time;
    this.#random = lambda.random;
    const pool = (name: Reactor, most: number): Pool<ReactingFunction> =>
      new Pool(lambda, name, most, (environment) => this.#make(name, environment));
    this.#pools = {
      scheduler: pool('scheduler', options.schedulers),
      controllers: pool('controllers', options.instances),
    };
  }

  async #make(name: Reactor, environment: Environment): Promise<ReactingFunction> {
    const { ids, ring } = this.#options;
    const { ports, store } = environment;
    const host = await composeOver({ ...ports, ids, store });
    store.settled();
    const decode = (records: readonly object[]) => records.map((record) => (record as StreamRecord).told);
    if (name === 'scheduler') {
      return schedulerFunction({ ...host, decode, askForWorkers: async () => void this.workersAsked++ });
    }
    const sendDelayed = async (delaySeconds: number): Promise<void> => this.#wish(delaySeconds * 1_000);
    return controllersFunction({ ...host, decode, ca, sendDelayed, ring: async (names) => ring(names) });
  }

  /** Rejects when the function has not answered. */
  async invoke(name: Reactor, event: FunctionEvent): Promise<BatchResponse> {
    const isShort = this.#random.chance(this.#options.shortTimes);
    return await this.#pools[name].invoke(isShort ? shortMs : limitMs, (reacting, remainingMs) =>
      invoke(reacting, event, remainingMs),
    );
  }

  /** An asynchronous invocation: tried until a minute is over, and never again once it has begun. */
  async call(name: Reactor, call: Call): Promise<void> {
    const lastMs = this.#time.now + oldestCallMs;
    for (let times = this.#random.chance(this.#options.duplicates) ? 2 : 1; times > 0; times--) {
      let isThrottled = true;
      while (isThrottled && this.#time.now < lastMs) {
        await this.#time.sleep(1 + this.#random.below(3_000));
        isThrottled = await this.invoke(name, call).then(
          () => false,
          (error: unknown) => error instanceof Throttled,
        );
      }
    }
  }

  /** A delayed message comes to the controllers' queue. */
  #wish(delayMs: number, receives = 0): void {
    this.#time.after(delayMs + this.#random.below(1_000), () => {
      this.#wishes.push({ receives });
      void this.#takeWishes();
    });
  }

  /** As the mapping in infra/wake-ups.ts: what waits is taken together, and seen again later when it was not done with, a few times. */
  async #takeWishes(): Promise<void> {
    if (this.#takers === mostTakers) return;
    this.#takers++;
    while (this.#wishes.length > 0) {
      const batch = this.#wishes.splice(0, mostWishes);
      const Records = batch.map(() => ({ messageId: 'wish' }));
      const outcome = await this.invoke('controllers', { Records } as unknown as FunctionEvent).then(
        ({ batchItemFailures }) => (batchItemFailures.length === 0 ? 'taken' : 'failed'),
        (error: unknown) => (error instanceof Throttled ? 'throttled' : 'failed'),
      );
      for (const { receives } of batch) {
        if (outcome === 'throttled') this.#wish(this.#random.below(5_000), receives);
        else if (outcome === 'taken' && !this.#random.chance(this.#options.duplicates)) continue;
        else if (receives + 1 < mostReceives) this.#wish(visibilityMs, receives + 1);
      }
    }
    this.#takers--;
  }

  /** Each function that rests does something, for who looks into their caches. */
  async each(work: (reacting: ReactingFunction) => Promise<void>): Promise<void> {
    for (const name of reactors) await this.#pools[name].each(work);
  }

  get isIdle(): boolean {
    return reactors.every((name) => this.#pools[name].busy === 0);
  }

  get busy(): string {
    return reactors.map((name) => `${name} ${this.#pools[name].busy}`).join(', ');
  }
}
