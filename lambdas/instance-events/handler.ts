// EC2's and CloudWatch's events about instances: a node whose machine dies is known to be down at once.
import { compose } from '../host/compose.ts';
import { metered } from '../host/meter.ts';
import type { InstanceEvent } from './events.ts';
import { onInstanceEvent } from './function.ts';

export const handler = metered('instance-events', async (event: InstanceEvent): Promise<void> => {
  await onInstanceEvent(await compose(), event);
});
