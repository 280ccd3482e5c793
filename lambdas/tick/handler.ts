// Once a minute: wakes whoever is due. An idle cluster's tick reads one item; now and then it tidies the store up.
import type { ScheduledEvent } from 'aws-lambda';
import { compose } from '../host/compose.ts';
import { metered } from '../host/meter.ts';
import { runTick } from './function.ts';

export const handler = metered('tick', async (event: Pick<ScheduledEvent, 'time'>): Promise<void> => {
  await runTick(event, { ...(await compose()), env: process.env });
});
