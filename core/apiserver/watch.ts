// One watcher: what it selects of a resource's changes, handed on no faster than it reads.
import type { Status } from '../api/types.gen.ts';
import type { Subscriber, Subscription } from '../store/hub.ts';
import type { Change, Revision, StoredObject } from '../store/store.ts';
import { maxWatchBacklog, watchWriteBytes } from './limits.ts';
import { Outlet } from './outlet.ts';
import type { Selection } from './selection.ts';
import { bookmarkBytes, changeBytes, type EventForm, errorBytes, eventBytes, formKey } from './watch-events.ts';

/** An event in waiting. Bytes are made when the watcher can take them. */
type Pending =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED'; change: Change; object: Change['object'] }
  | { type: 'initial'; stored: StoredObject }
  | { type: 'bookmark'; revision: Revision; initialEnd: boolean };

export interface WatchOptions {
  form: EventForm;
  selection: Selection;
  /** '' for all. */
  namespace: string;
  /** Changes up to this revision are not wanted (a watch from a revision that was still to come). */
  notBefore: Revision;
  bookmarks: boolean;
  /** Called once, however the watch ends. */
  onEnd(): void;
  onEvents(count: number): void;
}

function joined(chunks: readonly Uint8Array[], length: number): Uint8Array {
  if (chunks.length === 1) return chunks[0]!;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

export class WatchStream implements Subscriber {
  readonly #options: WatchOptions;
  readonly #key: string;
  readonly #outlet: Outlet;
  #pending: Pending[] = [];
  /** Index of the first event in waiting. */
  #next = 0;
  #subscription: Subscription | undefined;
  #headersSent = false;
  #ended = false;
  #closing = false;
  #upTo: Revision = 0;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#key = formKey(options.form);
    this.#outlet = new Outlet(
      () => this.#pump(),
      () => this.#release(),
    );
  }

  get body(): ReadableStream<Uint8Array> {
    return this.#outlet.body;
  }

  /** The state before the first change. `end`: close it with the bookmark that says so. */
  initial(items: readonly StoredObject[], revision: Revision, end: boolean): void {
    for (const stored of items) this.#pending.push({ type: 'initial', stored });
    this.#upTo = revision;
    if (end) this.#pending.push({ type: 'bookmark', revision, initialEnd: true });
    this.#pump();
  }

  attach(subscription: Subscription): void {
    this.#subscription = subscription;
    if (this.#ended) subscription.close();
    else this.#upTo = Math.max(this.#upTo, subscription.upTo);
  }

  onChanges(changes: readonly Change[], upTo: Revision): void {
    if (this.#ended || this.#closing) return;
    for (const change of changes) this.#take(change);
    this.#upTo = Math.max(this.#upTo, upTo);
    this.#pump();
    if (this.#pending.length - this.#next > maxWatchBacklog) this.#cutOff();
  }

  /** The log cannot be read on; the hub has let go of this watcher. */
  onEnd(error: unknown): void {
    if (error === undefined) this.finish();
    else this.#fail(error);
  }

  bookmark(): void {
    if (this.#ended || !this.#options.bookmarks) return;
    const revision = Math.max(this.#upTo, this.#options.notBefore);
    this.#pending.push({ type: 'bookmark', revision, initialEnd: false });
    this.#pump();
  }

  /** Sends what is waiting, a last bookmark and the end. */
  finish(): void {
    if (this.#ended || this.#closing) return;
    this.bookmark();
    this.#closing = true;
    this.#subscription?.close();
    this.#pump();
  }

  /** Ends with an ERROR event. */
  error(status: Status): void {
    if (this.#ended) return;
    this.#outlet.write(errorBytes(status, this.#options.form));
    this.#outlet.close();
    this.#release();
  }

  /** The client went away: nothing more is to be sent. */
  abort(): void {
    this.#fail(new Error('the watch was aborted'));
  }

  #take(change: Change): void {
    const { selection, namespace, notBefore } = this.#options;
    if (namespace && change.key.namespace !== namespace) return;
    if (change.revision <= notBefore) return;
    const { object, previous } = change;
    if (selection.everything) {
      this.#pending.push({ type: change.type, change, object });
      return;
    }
    const before =
      change.type === 'ADDED' || !previous
        ? change.type === 'DELETED' && selection.matches(object)
        : selection.matches(previous);
    const now = change.type !== 'DELETED' && selection.matches(object);
    if (now) this.#pending.push({ type: before ? 'MODIFIED' : 'ADDED', change, object });
    else if (before)
      this.#pending.push({
        type: 'DELETED',
        change,
        object: change.type === 'DELETED' || !previous ? object : previous,
      });
  }

  #bytesOf(event: Pending): Uint8Array {
    const { form } = this.#options;
    if (event.type === 'bookmark') return bookmarkBytes(event.revision, form, event.initialEnd);
    const first = form.accepted.form === 'table' && !this.#headersSent;
    this.#headersSent = true;
    if (event.type === 'initial') return eventBytes('ADDED', event.stored, form, first);
    if (first) return eventBytes(event.type, { object: event.object, revision: event.change.revision }, form, true);
    return changeBytes(event.change, event.type, event.object, form, this.#key);
  }

  #pump(): void {
    while (!this.#ended && this.#next < this.#pending.length && this.#outlet.ready) {
      const chunks: Uint8Array[] = [];
      let length = 0;
      while (this.#next < this.#pending.length && length < watchWriteBytes) {
        const bytes = this.#bytesOf(this.#pending[this.#next++]!);
        chunks.push(bytes);
        length += bytes.length;
      }
      this.#options.onEvents(chunks.length);
      this.#outlet.write(joined(chunks, length));
    }
    if (this.#next === this.#pending.length) {
      this.#pending = [];
      this.#next = 0;
      if (this.#closing && !this.#ended) {
        this.#outlet.close();
        this.#release();
      }
    } else if (this.#next > maxWatchBacklog) {
      this.#pending.splice(0, this.#next);
      this.#next = 0;
    }
  }

  #cutOff(): void {
    this.#fail(new Error('the watcher reads too slowly'));
  }

  #fail(error: unknown): void {
    if (this.#ended) return;
    this.#outlet.fail(error);
    this.#release();
  }

  #release(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#pending = [];
    this.#next = 0;
    this.#subscription?.close();
    this.#options.onEnd();
  }
}
