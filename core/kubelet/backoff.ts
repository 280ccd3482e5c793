// Delays that double, as kubelet's: crash loops and image pulls, 10 s to 5 min, forgotten after 10 min without trouble.
import type { Backoff } from './model.ts';

export const firstDelayMs = 10_000;
export const maxDelayMs = 300_000;

const forgotten = (backoff: Backoff, eventAt: number): boolean => eventAt - backoff.updatedAt > 2 * maxDelayMs;

/** When the next try is allowed, counted from the event (exit, failed pull); undefined: now. */
export function heldUntil(backoff: Backoff | undefined, eventAt: number, now: number): number | undefined {
  if (!backoff || forgotten(backoff, eventAt)) return undefined;
  const until = eventAt + backoff.delayMs;
  return until > now ? until : undefined;
}

export function nextBackoff(backoff: Backoff | undefined, eventAt: number, now: number): Backoff {
  if (!backoff || forgotten(backoff, eventAt)) return { delayMs: firstDelayMs, updatedAt: now };
  return { delayMs: Math.min(backoff.delayMs * 2, maxDelayMs), updatedAt: now };
}

/** Delay of retries of steps that failed on the node (mounts, sandbox, create): 1 s doubling to 60 s. */
export function nextRetry(previous: (Backoff & { at: number }) | undefined, now: number): Backoff & { at: number } {
  const delayMs = previous ? Math.min(previous.delayMs * 2, 60_000) : 1_000;
  return { delayMs, updatedAt: now, at: now + delayMs };
}

/** Go's `time.Duration` text for whole seconds (`10s`, `2m40s`, `5m0s`), which messages carry. */
export function durationText(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  return `${hours ? `${hours}h` : ''}${hours || minutes ? `${minutes}m` : ''}${seconds % 60}s`;
}
