// The environments of one function, as Lambda keeps them: each takes one invocation at a time, some are thrown away while they
// rest, and one that dies or takes too long takes its invocation along.
import type { Random } from '../../../core/client/fixture/random.ts';
import type { VirtualTime } from '../virtual-time.ts';
import type { Environment } from './environment.ts';

/** No environment is free, and no more may be made; or nobody is invoked at all. */
export class Throttled extends Error {
  /** When somebody is invoked again. */
  readonly outage: Promise<void> | undefined;

  constructor(name: string, outage: Promise<void> | undefined) {
    super(name);
    this.outage = outage;
  }
}

/** The environment died; what the invocation has done nobody knows. */
export class Died extends Error {}

export interface Lambda {
  time: VirtualTime;
  random: Random;
  /** Probability that an environment that rests is thrown away when it is wanted. */
  coldStarts: number;
  /** Nobody is invoked until this resolves. */
  outage: Promise<void> | undefined;
  invocations: number;
  open(name: string): Environment;
}

interface Slot<M> {
  environment: Environment;
  made: M | undefined;
  isBusy: boolean;
}

export class Pool<M> {
  readonly #lambda: Lambda;
  readonly #name: string;
  readonly #most: number;
  readonly #make: (environment: Environment) => Promise<M>;
  #slots: Slot<M>[] = [];

  /** `most` environments work at once; `make` is what a cold start does. */
  constructor(lambda: Lambda, name: string, most: number, make: (environment: Environment) => Promise<M>) {
    this.#lambda = lambda;
    this.#name = name;
    this.#most = most;
    this.#make = make;
  }

  /** Rejects with Throttled, with Died, or with what the work does. */
  async invoke<T>(limitMs: number, work: (made: M, remainingMs: () => number) => Promise<T>): Promise<T> {
    const { time } = this.#lambda;
    const slot = this.#take();
    const { environment } = slot;
    const endMs = time.now + limitMs;
    const cancel = time.after(limitMs, () => environment.die());
    const death = environment.died.then(() => Promise.reject(new Died(this.#name)));
    const run = async (): Promise<T> => {
      slot.made ??= await this.#make(environment);
      return await work(slot.made, () => endMs - time.now);
    };
    environment.thaw();
    try {
      return await Promise.race([run(), death]);
    } finally {
      cancel();
      slot.isBusy = false;
      environment.freeze();
      if (environment.isDead) this.#slots = this.#slots.filter((one) => one !== slot);
    }
  }

  /** Each environment that rests does something, one after the other. */
  async each(work: (made: M) => Promise<void>): Promise<void> {
    for (const slot of [...this.#slots]) {
      // It may have got work, or been thrown away, since the first one's turn.
      if (slot.isBusy || slot.made === undefined || slot.environment.isDead) continue;
      slot.isBusy = true;
      slot.environment.thaw();
      await work(slot.made);
      slot.environment.freeze();
      slot.isBusy = false;
    }
  }

  get busy(): number {
    return this.#slots.filter(({ isBusy }) => isBusy).length;
  }

  #take(): Slot<M> {
    const { random, coldStarts, outage } = this.#lambda;
    if (outage || this.busy >= this.#most) throw new Throttled(this.#name, outage);
    this.#lambda.invocations++;
    let slot = random.pick(this.#slots.filter(({ isBusy }) => !isBusy));
    if (slot && random.chance(coldStarts)) {
      slot.environment.die();
      this.#slots.splice(this.#slots.indexOf(slot), 1);
      slot = undefined;
    }
    if (!slot) {
      slot = { environment: this.#lambda.open(this.#name), made: undefined, isBusy: true };
      this.#slots.push(slot);
    }
    slot.isBusy = true;
    return slot;
  }
}
