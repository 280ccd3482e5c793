// When environments of functions die: between any two operations on the tables, as chance has it, and once for certain at each of
// the two moments of a write by the API's function that the revision protocol is about.
import type { Random } from '../../../core/client/fixture/random.ts';
import type { Op } from '../../../core/store/protocol/ops.ts';

export class Deaths {
  /** With a revision taken and nothing written; with a write done that nobody has heard of; anywhere else. */
  readonly counts = { afterCounter: 0, afterTransaction: 0, elsewhere: 0 };
  readonly #random: Random;
  #rate: number;
  /** How many more operations of a kind the API's functions do before one of them dies. */
  readonly #certain = new Map<Op['do'], number>();

  /** `rate`: the probability of a death after each operation; with 0 nobody dies. */
  constructor(random: Random, rate: number) {
    this.#random = random;
    this.#rate = rate;
    if (rate > 0) for (const op of ['take', 'write'] as const) this.#certain.set(op, 1 + random.below(8));
  }

  /** From now on nobody dies. */
  end(): void {
    this.#rate = 0;
    this.#certain.clear();
  }

  /** Whether a function dies on hearing that an operation is done. */
  strikes(name: string, op: Op): boolean {
    const left = name === 'api' ? this.#certain.get(op.do) : undefined;
    if (left !== undefined) this.#certain.set(op.do, left - 1);
    if (left !== 1 && !this.#random.chance(this.#rate)) return false;
    if (op.do === 'take') this.counts.afterCounter++;
    else if (op.do === 'write') this.counts.afterTransaction++;
    else this.counts.elsewhere++;
    return true;
  }
}
