// The rule that ticks once a minute, and the function that it invokes: wakes whoever is due, and tidies the store up.
import type { Clock } from '../../../core/ports.ts';
import { readState } from '../../../lambdas/host/function-state.ts';
import { planTick } from '../../../lambdas/tick/plan.ts';
import type { Environment } from './environment.ts';
import { type Lambda, Pool } from './pool.ts';
import { isReactor, type Reactors } from './reactors.ts';

const minuteMs = 60_000;
const lateMs = 3_000;

/** As lambdas/tick/function.ts; a tick that fails is not made up for. */
export function startTicks(lambda: Lambda, clock: Clock, reactors: Reactors): void {
  const pool = new Pool(lambda, 'tick', 2, async (environment) => environment);
  const tick = async (tickMs: number): Promise<void> => {
    const work = async ({ store, tidyUp }: Environment): Promise<void> => {
      const plan = planTick(await readState(store), tickMs);
      for (const { to, call } of plan.calls) if (isReactor(to)) void reactors.call(to, call);
      if (plan.tidyUp) await tidyUp();
    };
    await pool.invoke(minuteMs, work).catch(() => undefined);
  };
  const next = (): void => {
    const tickMs = Math.floor(clock.now() / minuteMs + 1) * minuteMs;
    clock.after(tickMs - clock.now(), () => {
      clock.after(lambda.random.below(lateMs), () => void tick(tickMs));
      next();
    });
  };
  next();
}
