// A Response's body onto a stream of Node: with back-pressure, an end in time, and nothing left behind when the other side goes.
import type { Writable } from 'node:stream';
import type { Clock } from '../../core/ports.ts';

export interface PumpOptions {
  clock: Clock;
  /** The answer takes no longer than this. */
  limitMs: number;
  /** When nothing came for this long... */
  quietMs: number;
  /** ... this is sent, or, if absent, the time is over. */
  keepAlive?: Uint8Array;
  /** It has no end of its own (a watch, a followed log): when its time is over it ends. Any other would only seem whole. */
  endless: boolean;
  /** Called once if the other side went away before the end. */
  onGone(): void;
}

/** Resolves once everything is flushed, or the other side is gone. Rejects when the body fails or takes too long; `to` is left open then. */
export async function pump(
  body: ReadableStream<Uint8Array> | null | undefined,
  to: Writable,
  options: PumpOptions,
): Promise<void> {
  if (!body) return await ended(to);
  const reader = body.getReader();
  const events = new Events(to, options);
  try {
    let reading = reader.read();
    for (;;) {
      const event = await Promise.race([events.next(), reading]);
      if (event === 'quiet' && options.keepAlive) {
        await events.write(options.keepAlive);
        continue;
      }
      if (event === 'gone') return;
      if (typeof event === 'string' && !options.endless) throw new Error('the answer took too long');
      if (typeof event === 'string' || event.done) break;
      await events.write(event.value);
      reading = reader.read();
    }
    if (!events.gone) await ended(to);
  } catch (error) {
    // Whoever went away made the body fail: there is nobody to be told.
    if (!events.gone) throw error;
  } finally {
    events.close();
    // Nothing is read for nobody: a watch lets go of its subscription, a log of its node.
    await reader.cancel().catch(() => undefined);
  }
}

/** All bytes are with the receiver. */
const ended = (to: Writable): Promise<void> =>
  new Promise((resolve, reject) => {
    to.once('error', reject).once('close', resolve);
    to.end(() => resolve());
  });

type Event = 'limit' | 'quiet' | 'gone';

/** What may happen beside the body. */
class Events {
  gone = false;
  readonly #to: Writable;
  readonly #options: PumpOptions;
  readonly #cancelLimit: () => void;
  #cancelQuiet: () => void = () => {};
  #limitReached = false;
  #wake: (event: Event) => void = () => {};
  readonly #onClose = (): void => this.#leave();

  constructor(to: Writable, options: PumpOptions) {
    this.#to = to;
    this.#options = options;
    to.on('close', this.#onClose).on('error', this.#onClose);
    this.#cancelLimit = options.clock.after(options.limitMs, () => {
      this.#limitReached = true;
      this.#wake('limit');
    });
    if (to.destroyed) this.#leave();
  }

  next(): Promise<Event> {
    if (this.gone) return Promise.resolve('gone');
    if (this.#limitReached) return Promise.resolve('limit');
    this.#cancelQuiet();
    return new Promise((resolve) => {
      this.#wake = resolve;
      this.#cancelQuiet = this.#options.clock.after(this.#options.quietMs, () => resolve('quiet'));
    });
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.gone || this.#to.write(bytes)) return;
    await new Promise<void>((resolve) => {
      this.#wake = () => resolve();
      this.#to.once('drain', resolve);
    });
  }

  close(): void {
    this.#cancelLimit();
    this.#cancelQuiet();
    this.#to.off('close', this.#onClose);
    // What a stream tells after its end must not end the process.
    this.#to.off('error', this.#onClose).on('error', () => undefined);
  }

  #leave(): void {
    if (this.gone) return;
    this.gone = true;
    this.#options.onGone();
    this.#wake('gone');
  }
}
