// What the queue knows: which jobs wait, which are taken and until when, which are done. It is told the time.

export interface Job {
  id: string;
  work: unknown;
}

/** A job in a worker's hands. The receipt says which taking of it is acknowledged. */
export interface Taken extends Job {
  receipt: number;
}

export interface Counts {
  put: number;
  waiting: number;
  taken: number;
  done: number;
  /** How often a worker was silent for too long, and its job was given back. */
  givenBack: number;
}

export class Jobs {
  readonly #visibilityMs: number;
  /** The first in is the first out. */
  readonly #waiting = new Map<string, Job>();
  readonly #taken = new Map<string, { job: Job; receipt: number; until: number }>();
  readonly #done = new Set<string>();
  #put = 0;
  #receipts = 0;
  #givenBack = 0;

  /** `visibilityMs`: for how long others do not see a job that is taken. */
  constructor(visibilityMs: number) {
    this.#visibilityMs = visibilityMs;
  }

  has = (id: string): boolean => this.#waiting.has(id) || this.#taken.has(id) || this.#done.has(id);

  /** False when it is there already: a producer that heard no answer puts it once more. */
  put(job: Job): boolean {
    if (this.has(job.id)) return false;
    this.#put += 1;
    this.#waiting.set(job.id, job);
    return true;
  }

  take(now: number): Taken | undefined {
    this.giveBack(now);
    const [job] = this.#waiting.values();
    if (!job) return undefined;
    this.#waiting.delete(job.id);
    const receipt = ++this.#receipts;
    this.#taken.set(job.id, { job, receipt, until: now + this.#visibilityMs });
    return { ...job, receipt };
  }

  /** Whether this taking still counts: the job may be in other hands meanwhile, or done by them. */
  holds = (id: string, receipt: number): boolean => this.#taken.get(id)?.receipt === receipt;

  finish(id: string): void {
    this.#waiting.delete(id);
    this.#taken.delete(id);
    this.#done.add(id);
  }

  /** Jobs whose workers were silent for too long wait again, behind the others. */
  giveBack(now: number): void {
    for (const [id, { job, until }] of this.#taken) {
      if (until > now) continue;
      this.#taken.delete(id);
      this.#waiting.set(id, job);
      this.#givenBack += 1;
    }
  }

  get counts(): Counts {
    return {
      put: this.#put,
      waiting: this.#waiting.size,
      taken: this.#taken.size,
      done: this.#done.size,
      givenBack: this.#givenBack,
    };
  }
}
