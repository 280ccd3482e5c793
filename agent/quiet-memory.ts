// Gives memory back after a rush. V8 collects when its heap has grown, and what the last rush left stays until the next one;
// so this collects once the process has become quiet, when nobody waits for it.
import { performance } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';

const lookEveryMs = 500;
/** Share of the time for which the event loop is busy, below which a process counts as quiet. */
const quietBelow = 0.25;
/** This many quiet looks in a row. */
const quietLooks = 4;
/** Growth since the last time that is worth a collection, and how long ago that must be: what comes in small portions is V8's. */
const worthFactor = 1.15;
const restMs = 30_000;
/** What grew by so much is a rush, and collected whenever it is over. */
const rushFactor = 1.4;
/** A collection stops the process for some milliseconds for each megabyte of a heap: a larger one is left to V8. In bytes. */
const largestHeap = 256 * 1024 * 1024;

const heapBytes = (): number => {
  const { used_heap_size: used, external_memory: external } = getHeapStatistics();
  return used + external;
};

/** Does nothing where the process was not started with --expose-gc. Returns what ends it. */
export function startGivingBackMemory(): () => void {
  const collect = globalThis.gc;
  if (!collect) return () => undefined;
  let before = performance.eventLoopUtilization();
  let quiet = 0;
  let settledAt = 0;
  let restUntilMs = 0;
  const look = (): void => {
    const now = performance.eventLoopUtilization();
    quiet = performance.eventLoopUtilization(now, before).utilization < quietBelow ? quiet + 1 : 0;
    before = now;
    const bytes = heapBytes();
    const worth = performance.now() < restUntilMs ? rushFactor : worthFactor;
    if (quiet < quietLooks || bytes > largestHeap || bytes < settledAt * worth) return;
    // The one kind that also moves objects together, and so frees whole pages.
    collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
    settledAt = heapBytes();
    restUntilMs = performance.now() + restMs;
  };
  const timer = setInterval(look, lookEveryMs);
  timer.unref();
  return () => clearInterval(timer);
}
