// EC2's and CloudWatch's events about instances: a node whose machine dies is known to be down at once.
import { compose } from '../host/compose.ts';
import type { InstanceEvent } from './events.ts';
import { onInstanceEvent } from './function.ts';

export async function handler(event: InstanceEvent): Promise<void> {
  await onInstanceEvent(await compose(), event);
}
