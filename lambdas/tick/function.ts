// What a tick does with the functions' state: wakes whoever is due, and now and then tidies the store up.
import { invoker } from '../../aws/invoke.ts';
import { environment } from '../../aws/names.ts';
import type { Composed } from '../host/compose.ts';
import { type FunctionName, readState } from '../host/function-state.ts';
import { planTick } from './plan.ts';

const variables: Record<FunctionName, string> = {
  scheduler: environment.scheduler,
  controllers: environment.controllers,
  workers: environment.workersFunction,
  'load-balancers': environment.loadBalancersFunction,
};

export interface TickHost extends Pick<Composed, 'clients' | 'store' | 'tidyUp'> {
  env: Readonly<Record<string, string | undefined>>;
}

/** Who is there is woken; a cluster without workers of its own has no function for them. */
export async function runTick({ time }: { time: string }, { clients, store, tidyUp, env }: TickHost): Promise<void> {
  const plan = planTick(await readState(store), Date.parse(time));
  const calls = plan.calls.map(async ({ to, call }) => {
    const name = env[variables[to]];
    if (name) await invoker(clients, name).later(call);
  });
  await Promise.all([...calls, plan.tidyUp ? tidyUp() : undefined]);
}
