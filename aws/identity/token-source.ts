// Hands out the identity token to send, makes a new one in time, and sets a wrong clock right by the server's own.
import type { AwsCredentialIdentity } from '@smithy/types';
import { type IdentityToken, identityToken } from './token.ts';

export interface TokenSourceOptions {
  /** Asked for each new token; expected to keep and renew what it finds, as the SDK's default chain does. */
  credentials(): Promise<AwsCredentialIdentity>;
  region: string;
  cluster: string;
  endpoint?: string;
  /** This machine's clock, milliseconds since the epoch. */
  now(): number;
}

/** The SDKs' own measure: less than this is tolerated by STS. */
const toleratedSkewMs = 4 * 60_000;
/** Taken over when the correction in use is off by more; a Date header counts whole seconds and is under way for a while. */
const toleratedDriftMs = 30_000;

export class TokenSource {
  readonly #options: TokenSourceOptions;
  #held: Promise<IdentityToken> | undefined;
  /** What is added to this machine's clock. */
  #offsetMs = 0;

  constructor(options: TokenSourceOptions) {
    this.#options = options;
  }

  /** Milliseconds that this machine's clock is behind the server's (negative: ahead); 0 while it is right enough. */
  get offsetMs(): number {
    return this.#offsetMs;
  }

  /** Throws what the credentials' source throws. One token is made for all who ask meanwhile. */
  async get(): Promise<string> {
    const first = this.#held ?? this.#make();
    const held = await first;
    if (held.expiresAtMs > this.#now()) return held.token;
    if (this.#held === first) this.#held = undefined;
    return (await (this.#held ?? this.#make())).token;
  }

  /** The API refused the token: the next one is made anew. */
  drop(): void {
    this.#held = undefined;
  }

  /**
   * The Date header of an answer. True when it shows that the clock, as corrected so far, is wrong by minutes: the
   * correction was changed, and what was refused may be sent again.
   */
  observe(date: string | null): boolean {
    const server = date === null ? Number.NaN : Date.parse(date);
    if (Number.isNaN(server)) return false;
    const skew = server - this.#options.now();
    const wanted = Math.abs(skew) < toleratedSkewMs ? 0 : skew;
    if (Math.abs(wanted - this.#offsetMs) < toleratedDriftMs) return false;
    this.#offsetMs = wanted;
    this.#held = undefined;
    return true;
  }

  #now(): number {
    return this.#options.now() + this.#offsetMs;
  }

  #make(): Promise<IdentityToken> {
    const { region, cluster, endpoint } = this.#options;
    const making = this.#options
      .credentials()
      .then((credentials) => identityToken({ credentials, region, cluster, nowMs: this.#now(), endpoint }));
    this.#held = making;
    making.catch(() => {
      if (this.#held === making) this.#held = undefined;
    });
    return making;
  }
}
