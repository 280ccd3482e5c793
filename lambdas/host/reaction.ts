// One invocation of a reacting function: its caches catch up with the log, what changed is worked off, timers that fall due
// are run, and who invoked it learns when it wants to be looked at again. See docs/decisions/0005-serverless-hosting.md.
import type { Client, ResourceRef } from '../../core/client/client.ts';
import type { Informer } from '../../core/client/informer.ts';
import type { Informers } from '../../core/client/informers.ts';
import { resourceName } from '../../core/client/resources.ts';
import type { InvocationClock } from './clock.ts';

/** Waiting within the invocation for what is due soon costs less than being woken for it. */
const PATIENCE_MS = 1_000;
const PATIENCE_IN_ALL_MS = 3_000;
/** A revision that the log does not show yet has a gap before it: its writer is still at it, or the gap is sealed soon. */
const LAG_WAIT_MS = 200;
const LAG_AGAIN_MS = 5_000;
/** Left of the invocation's time when nothing more is begun, for what is under way to end. */
const RESERVE_MS = 5_000;
/** Left when what is under way is waited for no longer: it goes on in the next invocation, or is lost with the function. */
const LAST_MS = 1_500;

/** The scheduler, or the controllers. */
export interface Part {
  readonly synced: Promise<void>;
  readonly idle: boolean;
  whenIdle(): Promise<void>;
  pause(): void;
  resume(): void;
}

/** A change that the function was invoked for. */
export interface Wake {
  resource: string;
  revision: number;
}

export interface ReactionParts {
  clock: InvocationClock;
  informers: Informers;
  parts: readonly Part[];
  /** Resources that were written since this was last emptied (`noting`). */
  written: Set<string>;
  /** Which caches are brought up to date although no change of theirs is named: all of those that decisions rely on. */
  isFollowed(informer: Informer, whole: boolean): boolean;
}

export interface ReactionResult {
  /** How soon it wants to be woken; 0: at once; undefined: nothing is planned. */
  nextDueMs: number | undefined;
}

/** A client that notes which resources it wrote: their changes are read back before the invocation ends. */
export function noting(client: Client, written: Set<string>): Client {
  const note = <T>(of: ResourceRef, answer: Promise<T>): Promise<T> => {
    written.add(resourceName(of));
    return answer;
  };
  return {
    ...client,
    create: (of, ...rest) => note(of, client.create(of, ...rest)),
    update: (of, ...rest) => note(of, client.update(of, ...rest)),
    patch: (of, ...rest) => note(of, client.patch(of, ...rest)),
    delete: (of, ...rest) => note(of, client.delete(of, ...rest)),
  };
}

export interface ReactionRequest {
  /** Undefined: look at everything (a tick, a delayed wish). */
  wakes?: readonly Wake[] | undefined;
  /** Of this invocation's time. */
  remainingMs: number;
  /** Caches that are brought up to date this time only because of this. */
  also?: readonly ResourceRef[];
  /** Called when the caches are up to date, before work begins. */
  caughtUp?(): Promise<void>;
}

/** Rejects when the caches cannot be read; then nothing was begun, and what was known before is kept. */
export async function react(parts: ReactionParts, request: ReactionRequest): Promise<ReactionResult> {
  const { clock } = parts;
  const invocation = new Invocation(parts, request.wakes, clock.now() + request.remainingMs);
  if (invocation.isEcho()) return { nextDueMs: clock.nextDueMs };
  clock.begin();
  try {
    await invocation.catchUp(request.also ?? []);
    await request.caughtUp?.();
    for (const part of parts.parts) part.resume();
    await invocation.workOff();
  } finally {
    for (const part of parts.parts) part.pause();
    await invocation.settle();
    clock.end();
  }
  return { nextDueMs: invocation.nextDueMs };
}

class Invocation {
  readonly #parts: ReactionParts;
  readonly #wakes: readonly Wake[] | undefined;
  readonly #endMs: number;
  #patienceMs = PATIENCE_IN_ALL_MS;

  constructor(parts: ReactionParts, wakes: readonly Wake[] | undefined, endMs: number) {
    this.#parts = parts;
    this.#wakes = wakes;
    this.#endMs = endMs;
  }

  /** All that it was woken for was seen before (its own writes, mostly), and nothing else is due: no read is needed. */
  isEcho(): boolean {
    const { clock, parts } = this.#parts;
    if (!this.#wakes || this.#cold || clock.nextDueMs === 0 || !parts.every((part) => part.idle)) return false;
    return this.#lagging().length === 0;
  }

  get #cold(): boolean {
    return this.#parts.informers.all().some(({ informer }) => !informer.synced);
  }

  /** Caches that have not shown yet what the function was woken for. */
  #lagging(): Informer[] {
    const newest = new Map<string, number>();
    for (const { resource, revision } of this.#wakes ?? []) {
      newest.set(resource, Math.max(revision, newest.get(resource) ?? 0));
    }
    return this.#parts.informers
      .all()
      .filter(({ informer }) => informer.revision < (newest.get(resourceName(informer.of)) ?? 0))
      .map(({ informer }) => informer);
  }

  async catchUp(also: readonly ResourceRef[]): Promise<void> {
    const { informers, written, isFollowed } = this.#parts;
    written.clear();
    const named = new Set([...(this.#wakes ?? []).map(({ resource }) => resource), ...also.map(resourceName)]);
    const wanted = informers
      .all()
      .filter(({ informer, whole }) => isFollowed(informer, whole) || named.has(resourceName(informer.of)))
      .map(({ informer }) => informer);
    await Promise.all(wanted.map((informer) => informer.catchUp()));
    await this.#fill();
  }

  /** Caches that have no list yet; those that start with the parts ask for more. */
  async #fill(): Promise<void> {
    const { informers, parts } = this.#parts;
    for (;;) {
      const cold = informers.all().filter(({ informer }) => !informer.synced);
      await Promise.all(cold.map(({ informer }) => informer.catchUp()));
      await Promise.all(parts.map((part) => part.synced));
      if (!this.#cold) return;
    }
  }

  /** Until nothing is left that is due, or the time is. */
  async workOff(): Promise<void> {
    const { clock, informers, written } = this.#parts;
    while (this.#leftMs(RESERVE_MS) > 0) {
      await this.#idleWithin(RESERVE_MS);
      if (this.#leftMs(RESERVE_MS) <= 0) return;
      if (this.#cold) {
        await this.#fill();
        continue;
      }
      // What this function wrote, others of its parts may wait for (that a deleted pod is gone).
      const changed = informers.all().filter(({ informer }) => written.has(resourceName(informer.of)));
      written.clear();
      if (changed.length > 0) {
        await Promise.all(changed.map(({ informer }) => informer.catchUp()));
        continue;
      }
      if (!this.#idle) continue;
      const lagging = this.#lagging();
      // Not for what may as well come later.
      const waitMs = lagging.length > 0 ? LAG_WAIT_MS : clock.nextDueMs;
      if (waitMs === undefined || waitMs > Math.min(PATIENCE_MS, this.#patienceMs, this.#leftMs(RESERVE_MS))) return;
      this.#patienceMs -= Math.max(waitMs, 1);
      await clock.sleep(waitMs);
      await Promise.all(lagging.map((informer) => informer.catchUp()));
    }
  }

  /** What was begun ends, if it does so in time. */
  async settle(): Promise<void> {
    await this.#idleWithin(LAST_MS);
  }

  get nextDueMs(): number | undefined {
    const { clock, parts } = this.#parts;
    if (!parts.every((part) => part.idle)) return 0;
    const againMs = this.#lagging().length > 0 ? LAG_AGAIN_MS : undefined;
    const dueMs = clock.nextDueMs;
    return againMs === undefined || dueMs === undefined ? (againMs ?? dueMs) : Math.min(againMs, dueMs);
  }

  get #idle(): boolean {
    return this.#parts.parts.every((part) => part.idle);
  }

  #leftMs(reserveMs: number): number {
    return this.#endMs - reserveMs - this.#parts.clock.now();
  }

  async #idleWithin(reserveMs: number): Promise<void> {
    const leftMs = this.#leftMs(reserveMs);
    if (leftMs <= 0) return;
    const { clock, parts } = this.#parts;
    let cancel = (): void => {};
    const late = new Promise<void>((resolve) => {
      cancel = clock.alarm(leftMs, resolve);
    });
    await Promise.race([Promise.all(parts.map((part) => part.whenIdle())), late]);
    cancel();
  }
}
