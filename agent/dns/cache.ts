// Answers of upstream servers for as long as they may be kept, within a bound of memory: what was not asked for longest goes first.
import type { UpstreamAnswer } from './upstream-answer.ts';

interface Entry {
  answer: UpstreamAnswer;
  atMs: number;
  bytes: number;
}

/** What an entry takes besides its own bytes, about. */
const overheadBytes = 600;

export class AnswerCache {
  readonly #entries = new Map<string, Entry>();
  readonly #maxBytes: number;
  readonly #now: () => number;
  #bytes = 0;

  /** @param now milliseconds, of a clock that is never set back */
  constructor(maxBytes: number, now: () => number) {
    this.#maxBytes = maxBytes;
    this.#now = now;
  }

  get(key: string): { answer: UpstreamAnswer; ageSeconds: number } | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    this.#delete(key, entry);
    const ageSeconds = (this.#now() - entry.atMs) / 1000;
    if (ageSeconds >= entry.answer.lifetime) return undefined;
    this.#put(key, entry); // the newest of all again
    return { answer: entry.answer, ageSeconds };
  }

  set(key: string, answer: UpstreamAnswer): void {
    const before = this.#entries.get(key);
    if (before) this.#delete(key, before);
    if (answer.lifetime <= 0) return;
    this.#put(key, { answer, atMs: this.#now(), bytes: answer.bytes.length + 2 * key.length + overheadBytes });
    for (const [oldest, entry] of this.#entries) {
      if (this.#bytes <= this.#maxBytes) break;
      this.#delete(oldest, entry);
    }
  }

  #put(key: string, entry: Entry): void {
    this.#entries.set(key, entry);
    this.#bytes += entry.bytes;
  }

  #delete(key: string, entry: Entry): void {
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
  }
}
