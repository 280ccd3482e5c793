// How often one client may ask: a pod that floods its node's DNS takes the agent's time from all others. A bucket of tokens for each
// address; questions beyond are not answered at all, as on EC2, where 1,024 a second is the limit of an instance's own resolver.

export interface Rate {
  /** Questions a second in the long run, and at once after a pause. */
  perSecond: number;
  burst: number;
}

export const defaultRate: Rate = { perSecond: 2000, burst: 4000 };

/** More addresses than pods of a node: somebody makes them up. */
const maxClients = 4096;
const tellAgainMs = 600_000;

interface Bucket {
  tokens: number;
  at: number;
  toldAt: number;
}

export class ClientRates {
  readonly #rate: Rate;
  /** Milliseconds, never going back. */
  readonly #now: () => number;
  readonly #limited: (client: string) => void;
  readonly #buckets = new Map<string, Bucket>();

  /** @param limited told of a client that asks too often, at most every ten minutes */
  constructor(rate: Rate, now: () => number, limited: (client: string) => void) {
    this.#rate = rate;
    this.#now = now;
    this.#limited = limited;
  }

  /** Whether this question may be looked at. */
  take(client: string): boolean {
    const at = this.#now();
    const bucket = this.#buckets.get(client) ?? this.#begin(client, at);
    const { perSecond, burst } = this.#rate;
    bucket.tokens = Math.min(burst, bucket.tokens + ((at - bucket.at) / 1000) * perSecond);
    bucket.at = at;
    if (bucket.tokens < 1) {
      if (at - bucket.toldAt >= tellAgainMs) {
        bucket.toldAt = at;
        this.#limited(client);
      }
      return false;
    }
    bucket.tokens--;
    return true;
  }

  #begin(client: string, at: number): Bucket {
    if (this.#buckets.size >= maxClients) this.#forget(at);
    const bucket = { tokens: this.#rate.burst, at, toldAt: Number.NEGATIVE_INFINITY };
    this.#buckets.set(client, bucket);
    return bucket;
  }

  /** Who has a full bucket by now is as one who never asked. Where that is nobody, all begin anew. */
  #forget(at: number): void {
    const fullMs = (this.#rate.burst / this.#rate.perSecond) * 1000;
    for (const [client, bucket] of this.#buckets) if (at - bucket.at >= fullMs) this.#buckets.delete(client);
    if (this.#buckets.size >= maxClients) this.#buckets.clear();
  }
}
