// A store as one function instance sees it: each operation waits until the simulation lets it through, in an order of the
// seed's choice; some fail before or after they took effect; those of a frozen instance wait, those of a dead one for ever.
import { StatusError } from '../../../core/api/errors.ts';
import type { Random } from '../../../core/client/fixture/random.ts';
import type { Store } from '../../../core/store/store.ts';

export interface Faults {
  /** Probability that an operation fails before, and after, it took effect. */
  before: number;
  after: number;
}

interface Waiting {
  owner: symbol;
  go: () => void;
}

export class Gate {
  readonly #random: Random;
  readonly #waiting: Waiting[] = [];
  readonly #frozen = new Set<symbol>();
  faults: Faults = { before: 0, after: 0 };
  /** Operations let through. */
  passed = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  freeze(owner: symbol): void {
    this.#frozen.add(owner);
  }

  thaw(owner: symbol): void {
    this.#frozen.delete(owner);
  }

  /** Its operations never go on. */
  bury(owner: symbol): void {
    this.#frozen.delete(owner);
    for (let i = this.#waiting.length - 1; i >= 0; i--)
      if (this.#waiting[i]!.owner === owner) this.#waiting.splice(i, 1);
  }

  get pending(): number {
    return this.#waiting.filter(({ owner }) => !this.#frozen.has(owner)).length;
  }

  /** Lets one of those that wait through; false when there is none. */
  letOneThrough(): boolean {
    const ready = this.#waiting.filter(({ owner }) => !this.#frozen.has(owner));
    const chosen = this.#random.pick(ready);
    if (!chosen) return false;
    this.#waiting.splice(this.#waiting.indexOf(chosen), 1);
    this.passed++;
    chosen.go();
    return true;
  }

  through(store: Store, owner: symbol, isDead: () => boolean): Store {
    const pass = async <T>(operation: () => Promise<T>, writes = false): Promise<T> => {
      if (isDead()) return await new Promise<T>(() => {});
      await new Promise<void>((go) => this.#waiting.push({ owner, go }));
      const fails = (rate: number): boolean => this.#random.chance(rate);
      const broken = (): StatusError => new StatusError('ServiceUnavailable', 'the simulated table did not answer');
      if (fails(this.faults.before)) throw broken();
      const answer = await operation();
      if (writes && fails(this.faults.after)) throw broken();
      return answer;
    };
    return {
      get: (...args) => pass(() => store.get(...args)),
      list: (...args) => pass(() => store.list(...args)),
      commit: (...args) => pass(() => store.commit(...args), true),
      changesSince: (...args) => pass(() => store.changesSince(...args)),
      head: (...args) => pass(() => store.head(...args)),
      onChange: (listener) => store.onChange(listener),
      close: async () => {},
    };
  }
}
