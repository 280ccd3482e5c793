// What a tick does, from the one object that it reads: which functions it wakes, and whether it tidies the store up.
import type { Call } from '../host/event.ts';
import type { FunctionName, FunctionState } from '../host/function-state.ts';

export interface TickPlan {
  calls: { to: FunctionName; call: Call }[];
  tidyUp: boolean;
}

const MINUTE_MS = 60_000;
/** Everything is looked at again this often, for what should not have happened (a wake that was lost). */
const RESYNC_MINUTES = 60;
const TIDY_MINUTES = 5;

/** `tickMs`: the time that the tick was made for. What is due before the next tick is due now. */
export function planTick({ due, lookDueMs }: FunctionState, tickMs: number): TickPlan {
  const minute = Math.floor(tickMs / MINUTE_MS);
  const resync = minute % RESYNC_MINUTES === 0;
  const look = lookDueMs !== undefined && lookDueMs <= tickMs;
  const tick = new Date(tickMs).toISOString();
  const isDue = (name: FunctionName): boolean => (due[name] ?? Number.POSITIVE_INFINITY) < tickMs + MINUTE_MS;
  const calls: TickPlan['calls'] = [];
  if (resync || isDue('scheduler')) calls.push({ to: 'scheduler', call: { tick, resync } });
  if (resync || look || isDue('controllers')) calls.push({ to: 'controllers', call: { tick, resync, look } });
  if (resync || isDue('workers')) calls.push({ to: 'workers', call: { tick, resync } });
  // The controllers ask it to look again, if there is a load balancer at all.
  if (isDue('load-balancers')) calls.push({ to: 'load-balancers', call: { tick } });
  return { calls, tidyUp: minute % TIDY_MINUTES === 0 };
}
