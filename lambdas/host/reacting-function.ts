// A function that reacts: reads what it was invoked with, reacts, and sees to it that it is woken again. Scheduler and
// controllers differ in their parts and in what they do before and after.
import type { ResourceRef } from '../../core/client/client.ts';
import type { Log } from '../../core/ports.ts';
import {
  type BatchResponse,
  type Call,
  type Decode,
  type FunctionEvent,
  failuresOf,
  readEvent,
  type StreamChange,
} from './event.ts';
import { type ReactionParts, react } from './reaction.ts';
import type { Waker } from './wake.ts';

export interface ReactingFunction {
  parts: ReactionParts;
  waker: Waker;
  decode: Decode;
  log: Log;
  /** Of the batch, before the caches know of it. */
  onChanges?(changes: readonly StreamChange[]): Promise<void>;
  /** More caches that a call needs. */
  also?(call: Call): readonly ResourceRef[];
  /** With the caches up to date, before work begins. */
  caughtUp?(call: Call): Promise<void>;
  /** When the work is done. */
  afterwards?(): Promise<void>;
}

/** After a failure: what failed may be lost with its batch. */
const AGAIN_MS = 30_000;

/**
 * Never rejects for a batch: who failed is said in the answer, which is the form of partial batch responses.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
 */
export async function invoke(
  reacting: ReactingFunction,
  event: FunctionEvent,
  remainingMs: () => number,
): Promise<BatchResponse> {
  const { parts, waker, decode, log } = reacting;
  const { wakes, changes, poisoned, first, all, call } = readEvent(event, decode);
  for (const sequenceNumber of poisoned) log('error', 'record-not-read', { sequenceNumber });
  try {
    if (changes.length > 0) await reacting.onChanges?.(changes);
    const { nextDueMs } = await react(parts, {
      wakes,
      remainingMs: remainingMs(),
      also: reacting.also?.(call) ?? [],
      caughtUp: async () => await reacting.caughtUp?.(call),
    });
    await reacting.afterwards?.();
    await waker.plan(nextDueMs, call.tick !== undefined);
    // One identifier is enough for a stream: it is delivered again from there.
    return failuresOf(poisoned.slice(0, 1));
  } catch (error) {
    log('error', 'reaction-failed', {
      message: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
    await waker.plan(AGAIN_MS, false).catch(() => undefined);
    if (first === undefined) throw error;
    return failuresOf('Records' in event && changes.length + poisoned.length > 0 ? [first] : all);
  }
}
