// Questions about the rest of the world go to the node's own servers: those of its resolv.conf, one after the other. Each
// question is on its way once, however many pods ask it; which also ends a circle of servers that ask each other.
import type { Log } from '../../core/ports.ts';
import type { AnswerCache } from './cache.ts';
import { askByTcp, askByUdp, foldQuestion, type Server, type UpstreamQuestion } from './exchange.ts';
import { rcodes } from './message.ts';
import type { DnsCounts } from './metrics.ts';
import type { UpstreamAnswer } from './upstream-answer.ts';

export interface ForwarderDeps {
  /** Asked before each question: the file may change. */
  servers(): readonly Server[];
  cache: AnswerCache;
  /** For all tries together: less than the 5 s that resolvers of pods wait. */
  totalMs?: number;
  /**
   * Requests that wait at one time. Without a bound, a server that is silent would cost memory for as long as pods ask.
   */
  maxWaiting?: number;
  /** Those of one client: it must not take all the places. */
  maxWaitingOfOne?: number;
  counts?: Pick<DnsCounts, 'cacheHit' | 'cacheMiss'>;
  log: Log;
}

export interface Forwarded {
  answer: UpstreamAnswer;
  ageSeconds: number;
}

const defaultTotalMs = 4000;
const defaultMaxWaiting = 1000;
const defaultMaxWaitingOfOne = 200;
/** As resolv.conf(5). */
const maxServers = 3;
const rounds = 2;
/** Another server may know better. */
const unhelpful: readonly number[] = [rcodes.formErr, rcodes.servFail, rcodes.notImp, rcodes.refused];

const keyOf = ({ question, dnssecOk, checkingDisabled }: UpstreamQuestion): string =>
  `${dnssecOk ? 'd' : ''}${checkingDisabled ? 'c' : ''}:${foldQuestion(question).toString('latin1')}`;

export class Forwarder {
  readonly #deps: ForwarderDeps;
  readonly #asking = new Map<string, Promise<Forwarded | undefined>>();
  /** The server that answered last is asked first. */
  #preferred: Server | undefined;
  #silent = false;
  #waiting = 0;
  readonly #waitingOf = new Map<string, number>();

  constructor(deps: ForwarderDeps) {
    this.#deps = deps;
  }

  /** undefined: nobody could be asked, or nobody answered. At once when it is known; never rejects. */
  ask(asked: UpstreamQuestion, client: string): Forwarded | undefined | Promise<Forwarded | undefined> {
    const key = keyOf(asked);
    const kept = this.#deps.cache.get(key);
    if (kept) {
      this.#deps.counts?.cacheHit(kept.answer.rcode !== rcodes.noError);
      return kept;
    }
    this.#deps.counts?.cacheMiss();
    const { maxWaiting = defaultMaxWaiting, maxWaitingOfOne = defaultMaxWaitingOfOne } = this.#deps;
    const ofClient = this.#waitingOf.get(client) ?? 0;
    if (this.#waiting >= maxWaiting || ofClient >= maxWaitingOfOne) return undefined;
    const asking = this.#asking.get(key) ?? this.#begin(key, asked);
    if (!asking) return undefined;
    this.#waits(client, 1);
    return asking.finally(() => this.#waits(client, -1));
  }

  #waits(client: string, change: 1 | -1): void {
    this.#waiting += change;
    const ofClient = (this.#waitingOf.get(client) ?? 0) + change;
    if (ofClient > 0) this.#waitingOf.set(client, ofClient);
    else this.#waitingOf.delete(client);
  }

  #begin(key: string, asked: UpstreamQuestion): Promise<Forwarded | undefined> | undefined {
    const servers = this.#order();
    if (servers.length === 0) return undefined;
    const asking = this.#askAll(asked, servers)
      .then((answer) => {
        if (!answer) return undefined;
        this.#deps.cache.set(key, answer);
        return { answer, ageSeconds: 0 };
      })
      .finally(() => this.#asking.delete(key));
    this.#asking.set(key, asking);
    return asking;
  }

  #order(): Server[] {
    const preferred = this.#preferred;
    const rank = ({ address, port }: Server): number =>
      address === preferred?.address && port === preferred.port ? 0 : 1;
    return this.#deps
      .servers()
      .slice(0, maxServers)
      .sort((a, b) => rank(a) - rank(b));
  }

  async #askAll(asked: UpstreamQuestion, servers: readonly Server[]): Promise<UpstreamAnswer | undefined> {
    const timeoutMs = (this.#deps.totalMs ?? defaultTotalMs) / (rounds * servers.length);
    let last: UpstreamAnswer | undefined;
    let failure = '';
    for (let round = 0; round < rounds && !last; round++) {
      for (const server of servers) {
        try {
          const answer = await this.#askOne(asked, server, timeoutMs);
          if (unhelpful.includes(answer.rcode)) {
            last = answer;
            continue;
          }
          this.#preferred = server;
          this.#tell(true, '');
          return answer;
        } catch (error) {
          failure = `${server.address}: ${(error as Error).message}`;
        }
      }
    }
    this.#tell(last !== undefined, failure);
    return last;
  }

  async #askOne(asked: UpstreamQuestion, server: Server, timeoutMs: number): Promise<UpstreamAnswer> {
    const began = performance.now();
    const answer = await askByUdp(asked, server, timeoutMs);
    if (!answer.truncated) return answer;
    return askByTcp(asked, server, Math.max(1, timeoutMs - (performance.now() - began)));
  }

  /** Once each time it changes. */
  #tell(answers: boolean, failure: string): void {
    if (answers !== this.#silent) return;
    this.#silent = !answers;
    if (answers) this.#deps.log('info', 'an upstream DNS server answers again');
    else this.#deps.log('warn', 'no upstream DNS server answers', { last: failure });
  }
}
