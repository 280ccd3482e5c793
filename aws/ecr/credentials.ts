// Tokens that open ECR's private registries, by image host. One token opens all registries of a region that the caller may read,
// whoever's account they are in; it is good for 12 hours, kept, and renewed in time.
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html
import { type EcrHost, ecrHost } from './hosts.ts';

export interface EcrToken {
  username: string;
  password: string;
  expiresAtMs: number;
}

export interface EcrCredentialsOptions {
  /** One GetAuthorizationToken. */
  ask(of: Pick<EcrHost, 'region' | 'fips'>): Promise<EcrToken>;
  now(): number;
}

/** Renewed when less than this is left, or half of its life for one that lives shorter than this. */
const renewBeforeMs = 60 * 60_000;
const firstBackoffMs = 1_000;
const maxBackoffMs = 60_000;

interface Held {
  token?: EcrToken;
  renewAtMs: number;
  asking?: Promise<EcrToken>;
  failures: number;
  failure?: Error;
  /** Not asked again before. */
  blockedUntilMs: number;
}

export class EcrCredentials {
  readonly #options: EcrCredentialsOptions;
  readonly #held = new Map<string, Held>();

  constructor(options: EcrCredentialsOptions) {
    this.#options = options;
  }

  /**
   * undefined: the image is not ECR's. Throws an Error that says why there is no token. A token that is due for renewal goes on
   * being used while ECR does not answer, as long as it is valid.
   */
  async get(image: string): Promise<EcrToken | undefined> {
    const host = ecrHost(image);
    if (!host) return undefined;
    const held = this.#of(host);
    const now = this.#options.now();
    if (held.token && now < held.renewAtMs) return held.token;
    const usable = held.token && now < held.token.expiresAtMs ? held.token : undefined;
    if (!held.asking && now < held.blockedUntilMs) {
      if (usable) return usable;
      throw held.failure!;
    }
    held.asking ??= this.#ask(host, held);
    try {
      return await held.asking;
    } catch (error) {
      if (usable) return usable;
      throw error;
    }
  }

  /** The registry refused this token: it is not used again. One that was renewed meanwhile stays. */
  refused(image: string, token: Pick<EcrToken, 'password'>): void {
    const host = ecrHost(image);
    const held = host && this.#of(host);
    if (held?.token?.password === token.password) held.token = undefined;
  }

  #of({ region, fips }: EcrHost): Held {
    const key = `${region}${fips ? '/fips' : ''}`;
    let held = this.#held.get(key);
    if (!held) {
      held = { renewAtMs: 0, failures: 0, blockedUntilMs: 0 };
      this.#held.set(key, held);
    }
    return held;
  }

  async #ask({ region, fips }: EcrHost, held: Held): Promise<EcrToken> {
    try {
      const token = await this.#options.ask({ region, fips });
      const now = this.#options.now();
      const life = token.expiresAtMs - now;
      Object.assign(held, { token, failures: 0, failure: undefined, blockedUntilMs: 0 });
      held.renewAtMs = token.expiresAtMs - Math.min(renewBeforeMs, life / 2);
      return token;
    } catch (error) {
      const wait = Math.min(firstBackoffMs * 2 ** held.failures++, maxBackoffMs);
      held.blockedUntilMs = this.#options.now() + wait;
      held.failure = new Error(`no token for the ECR registries of ${region}: ${(error as Error).message}`, {
        cause: error,
      });
      throw held.failure;
    } finally {
      held.asking = undefined;
    }
  }
}
