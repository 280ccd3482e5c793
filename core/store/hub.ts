// One reader of the change log for each resource, however many watch it. All watchers are handed the same Change
// objects, so that what is derived from one (its serialised form) can be kept beside it in a WeakMap and made once.
import type { Change, Resource, Revision, Store } from './store.ts';

export interface Subscriber {
  /** In order, each once. `upTo` is where the log stands now: what a bookmark may say. Must not throw. */
  onChanges(changes: readonly Change[], upTo: Revision): void;
  /** Nothing follows: the log cannot be read on (RevisionExpired, or another error), or the hub was closed (undefined). */
  onEnd(error: unknown): void;
}

export interface Subscription {
  /** Every change up to here was handed over. */
  readonly upTo: Revision;
  close(): void;
}

export interface Batch {
  readonly changes: readonly Change[];
  readonly upTo: Revision;
}

interface Live {
  deliver(changes: readonly Change[], upTo: Revision): void;
  end(error: unknown): void;
}

/** How many changes of a resource are kept for watchers that are a little behind. */
const tailLength = 64;
const pageLength = 1_000;

/** The resource's newest changes, and who waits for more. */
class Channel {
  readonly live = new Set<Live>();
  tail: Change[] = [];
  /** Changes after this are in `tail`. */
  tailFloor: Revision;
  upTo: Revision;
  reading = false;
  again = false;

  constructor(upTo: Revision) {
    this.tailFloor = upTo;
    this.upTo = upTo;
  }

  push(changes: readonly Change[], upTo: Revision): void {
    for (const change of changes) this.tail.push(change);
    if (this.tail.length > tailLength * 2) {
      const dropped = this.tail.splice(0, this.tail.length - tailLength);
      this.tailFloor = dropped.at(-1)!.revision;
    }
    this.upTo = upTo;
    for (const live of [...this.live]) live.deliver(changes, upTo);
  }

  end(error: unknown): void {
    for (const live of [...this.live]) live.end(error);
    this.live.clear();
  }

  /** Undefined when the tail does not reach back that far. */
  after(since: Revision): readonly Change[] | undefined {
    if (since < this.tailFloor) return undefined;
    let first = this.tail.length;
    while (first > 0 && this.tail[first - 1]!.revision > since) first--;
    return this.tail.slice(first);
  }
}

export class Hub {
  readonly #store: Store;
  readonly #channels = new Map<Resource, Promise<Channel>>();
  readonly #ready = new Map<Resource, Channel>();
  /** How many are being served. The store is listened to only meanwhile: some stores have to poll for it. */
  #served = 0;
  #unsubscribe: (() => void) | undefined;
  #closed = false;

  constructor(store: Store) {
    this.#store = store;
  }

  /**
   * Hands over every change after `since`, in order and once, until closed or ended. Rejects with RevisionExpired or
   * RevisionAhead. A subscriber is called as changes come: one that cannot keep up should close and use `follow`.
   */
  async subscribe(resource: Resource, since: Revision, subscriber: Subscriber): Promise<Subscription> {
    const leave = this.#enter();
    try {
      return await this.#subscribe(resource, since, subscriber, leave);
    } catch (error) {
      leave();
      throw error;
    }
  }

  async #subscribe(
    resource: Resource,
    since: Revision,
    subscriber: Subscriber,
    leave: () => void,
  ): Promise<Subscription> {
    const channel = await this.#channel(resource);
    let upTo = since;
    const deliver = (changes: readonly Change[], to: Revision): void => {
      // What was read on the way here may be told again by the channel.
      const fresh = (changes[0]?.revision ?? 0) > upTo ? changes : changes.filter((change) => change.revision > upTo);
      if (to > upTo) upTo = to;
      subscriber.onChanges(fresh, upTo);
    };
    for (;;) {
      const batch = await this.#since(resource, channel, upTo);
      if (batch.changes.length > 0) deliver(batch.changes, batch.upTo);
      upTo = Math.max(upTo, batch.upTo);
      // No await between the look and the entry: nothing is missed.
      if (upTo >= channel.upTo) break;
    }
    const end = (error: unknown): void => {
      leave();
      subscriber.onEnd(error);
    };
    const live: Live = { deliver, end };
    channel.live.add(live);
    return {
      get upTo() {
        return upTo;
      },
      close() {
        channel.live.delete(live);
        leave();
      },
    };
  }

  /**
   * The same as an iterator for readers that may be slow: it holds no buffer of its own but its place in the log, so that
   * a reader that stays away is cut off (RevisionExpired) only when the log has moved on. Ends when the signal aborts.
   */
  async *follow(resource: Resource, since: Revision, signal?: AbortSignal): AsyncGenerator<Batch, void> {
    const leave = this.#enter();
    try {
      yield* this.#follow(resource, since, signal);
    } finally {
      leave();
    }
  }

  async *#follow(resource: Resource, since: Revision, signal?: AbortSignal): AsyncGenerator<Batch, void> {
    const channel = await this.#channel(resource);
    // The channel may be a little behind; the store knows whether `since` is in the future.
    if (since > channel.upTo) await this.#store.changesSince(resource, since, 1);
    let upTo = since;
    let wake: () => void = () => {};
    let ended = this.#closed;
    let failure: unknown;
    const end = (error?: unknown): void => {
      ended = true;
      failure = error;
      wake();
    };
    const live: Live = { deliver: () => wake(), end };
    const abort = (): void => end();
    channel.live.add(live);
    signal?.addEventListener('abort', abort);
    try {
      while (!ended && !signal?.aborted) {
        if (upTo >= channel.upTo) {
          await new Promise<void>((resolve) => (wake = resolve));
          continue;
        }
        const batch = await this.#since(resource, channel, upTo);
        upTo = batch.upTo;
        if (batch.changes.length > 0) yield batch;
      }
      if (failure !== undefined) throw failure;
    } finally {
      channel.live.delete(live);
      signal?.removeEventListener('abort', abort);
    }
  }

  close(): void {
    this.#closed = true;
    const channels = [...this.#ready.values()];
    this.#rest();
    for (const channel of channels) channel.end(undefined);
  }

  /** Returns what is to be called when the one that entered is served no more. */
  #enter(): () => void {
    this.#served++;
    if (!this.#closed) this.#unsubscribe ??= this.#store.onChange((resource) => this.#hear(resource));
    let isServed = true;
    return () => {
      if (!isServed) return;
      isServed = false;
      if (--this.#served === 0) this.#rest();
    };
  }

  #hear(resource: Resource): void {
    const channel = this.#ready.get(resource);
    if (channel) void this.#read(resource, channel);
  }

  /** What is not listened to falls behind: the next one starts afresh. */
  #rest(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    this.#ready.clear();
    this.#channels.clear();
  }

  #channel(resource: Resource): Promise<Channel> {
    let channel = this.#channels.get(resource);
    if (!channel) {
      channel = this.#store.head(resource).then((head) => {
        const made = new Channel(head);
        this.#ready.set(resource, made);
        // What was committed while the head was looked up.
        void this.#read(resource, made);
        return made;
      });
      channel.catch(() => this.#channels.delete(resource));
      this.#channels.set(resource, channel);
    }
    return channel;
  }

  async #since(resource: Resource, channel: Channel, since: Revision): Promise<Batch> {
    const changes = since <= channel.upTo ? channel.after(since) : undefined;
    if (changes) return { changes, upTo: channel.upTo };
    return await this.#store.changesSince(resource, since, pageLength);
  }

  async #read(resource: Resource, channel: Channel): Promise<void> {
    channel.again = true;
    if (channel.reading) return;
    channel.reading = true;
    try {
      while (channel.again && !this.#closed) {
        channel.again = false;
        const page = await this.#store.changesSince(resource, channel.upTo, pageLength);
        if (page.upTo > channel.upTo) {
          channel.push(page.changes, page.upTo);
          channel.again = true;
        }
      }
    } catch (error) {
      // The next to ask starts afresh.
      if (this.#ready.get(resource) === channel) {
        this.#ready.delete(resource);
        this.#channels.delete(resource);
      }
      channel.end(error);
    } finally {
      channel.reading = false;
    }
  }
}
