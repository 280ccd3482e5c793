// Brings what is known of an instance to its node object.
import { isStatus } from '../../core/api/errors.ts';
import { EventRecorder } from '../../core/client/event-recorder.ts';
import { Informers } from '../../core/client/informers.ts';
import { resources } from '../../core/client/resources.ts';
import { act } from '../../core/controllers/act.ts';
import type { StoredNode } from '../../core/controllers/node-lifecycle/health.ts';
import { decideMachine } from '../../core/controllers/node-lifecycle/instance.ts';
import type { Host } from '../host/caches.ts';
import { type InstanceEvent, machineOf } from './events.ts';

/** The node may be writing its status at the same moment. */
const ATTEMPTS = 5;

/** Instances that are no nodes are passed over. Rejects when it could not be written; Lambda tries again. */
export async function onInstanceEvent({ ports, clientOf }: Host, event: InstanceEvent): Promise<void> {
  const machine = machineOf(event);
  if (!machine) return;
  const client = clientOf('instance-events');
  const events = new EventRecorder({ client, ports, component: 'cloud-node-lifecycle-controller' });
  const context = { client, informers: new Informers(client, ports), events };
  for (let attempt = 1; ; attempt++) {
    const node = await client
      .get<StoredNode>(resources.nodes, { name: machine.name })
      .catch((error: unknown) => (isStatus(error, 'NotFound') ? undefined : Promise.reject(error)));
    if (!node) return;
    const [failure] = await act(decideMachine(node, machine.state, ports.clock.now()), context);
    await events.flush();
    if (!failure) return;
    if (attempt === ATTEMPTS || !isStatus(failure.error, 'Conflict')) throw failure.error;
  }
}
