// The caches of a reacting function: over the API's client, whose lists and changes come from the store itself.
import { Informers } from '../../core/client/informers.ts';
import { withSharedReads } from '../../core/hosting/shared-reads.ts';
import type { Ports } from '../../core/ports.ts';
import { InvocationClock } from './clock.ts';
import type { Composed } from './compose.ts';
import { noting } from './reaction.ts';

/** What a reacting function needs of the composition. */
export type Host = Pick<Composed, 'ports' | 'store' | 'hub' | 'clientOf'>;

export function cachesOf({ ports: host, store, hub, clientOf }: Host, component: string) {
  const clock = new InvocationClock(host.clock);
  const ports: Ports = { ...host, clock };
  const written = new Set<string>();
  const client = noting(withSharedReads(clientOf(component), store, hub), written);
  return { clock, ports, client, written, informers: new Informers(client, ports) };
}
