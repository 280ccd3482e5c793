// Once a minute: wakes whoever is due. An idle cluster's tick reads one item; now and then it tidies the store up.
import type { ScheduledEvent } from 'aws-lambda';
import { invoker } from '../../aws/invoke.ts';
import { environment } from '../../aws/names.ts';
import { compose } from '../host/compose.ts';
import { type FunctionName, readState } from '../host/function-state.ts';
import { planTick } from './plan.ts';

const variables: Record<FunctionName, string> = {
  scheduler: environment.scheduler,
  controllers: environment.controllers,
  workers: environment.workersFunction,
};

/** What is there is woken; a cluster without workers of its own has no function for them. */
export async function handler({ time }: Pick<ScheduledEvent, 'time'>): Promise<void> {
  const { clients, store, tidyUp } = await compose();
  const plan = planTick(await readState(store), Date.parse(time));
  const calls = plan.calls.map(async ({ to, call }) => {
    const name = process.env[variables[to]];
    if (name) await invoker(clients, name).later(call);
  });
  await Promise.all([...calls, plan.tidyUp ? tidyUp() : undefined]);
}
