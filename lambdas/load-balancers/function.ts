// The load balancers' function: one look at the services that ask for a Network Load Balancer, and at what AWS has of each. It keeps
// nothing between looks. See core/controllers/load-balancers-aws/decide.ts.

import { isStatus } from '../../core/api/errors.ts';
import { keyOf, type Stored } from '../../core/api/objects.ts';
import type { Node } from '../../core/api/types.gen.ts';
import { EventRecorder } from '../../core/client/event-recorder.ts';
import { Informers } from '../../core/client/informers.ts';
import { resources } from '../../core/client/resources.ts';
import { act } from '../../core/controllers/act.ts';
import type { Action } from '../../core/controllers/controller.ts';
import type { StoredService } from '../../core/controllers/endpoints/service-pods.ts';
import {
  balancerFinalizer,
  instancesOf,
  isAskedFor,
  isConcerned,
} from '../../core/controllers/load-balancers-aws/asked.ts';
import { decideNetworkBalancer, type StandingBalancer } from '../../core/controllers/load-balancers-aws/decide.ts';
import { balancerName, type WantedBalancer, wantedBalancer } from '../../core/controllers/load-balancers-aws/wanted.ts';
import { asObject } from '../../core/controllers/owner.ts';
import { withFinalizer, withoutFinalizer } from '../../core/controllers/patch-metadata.ts';
import { withSharedReads } from '../../core/hosting/shared-reads.ts';
import type { Host } from '../host/caches.ts';
import { Waker } from '../host/wake.ts';
import { isStillInUse, type NetworkBalancers } from './network-balancers.ts';

export interface LoadBalancersHost extends Host {
  balancers: NetworkBalancers;
}

export interface LoadBalancersFunction {
  look(byTick: boolean): Promise<void>;
}

/** Each round does all that the ids known so far allow; the longest way (another scheme) is five. */
const ROUNDS = 8;
/** AWS takes minutes to let go of the security group of a load balancer that was deleted. */
const PASSING_AGAIN_MS = 60_000;
const FAILED_AGAIN_MS = 300_000;

export function loadBalancersFunction({
  ports,
  store,
  hub,
  clientOf,
  balancers,
}: LoadBalancersHost): LoadBalancersFunction {
  const client = withSharedReads(clientOf('service-controller'), store, hub);
  const events = new EventRecorder({ client, ports, component: 'service-controller' });
  const context = { client, informers: new Informers(client, ports), events };
  const waker = new Waker({ name: 'load-balancers', store, clock: ports.clock });

  /** Rejects with what could not be written. */
  const write = async (...actions: Action[]): Promise<void> => {
    const [failure] = await act(actions, context);
    if (failure) throw failure.error;
  };

  const tell = (service: StoredService, trouble: string): void => {
    const message = `Error syncing load balancer: ${trouble}`;
    events.record(asObject(service), 'Warning', 'SyncLoadBalancerFailed', message);
  };

  /** Looks and acts until nothing is left to do. */
  const settle = async (
    service: StoredService,
    name: string,
    wanted: WantedBalancer | undefined,
  ): Promise<StandingBalancer> => {
    const { namespace, name: ofService } = service.metadata;
    for (let round = 0; round < ROUNDS; round++) {
      const standing = await balancers.look(name);
      const actions = decideNetworkBalancer(wanted, standing);
      if (actions.length === 0) return standing;
      for (const action of actions) await balancers.act(action, `${namespace}/${ofService}`);
      ports.log('info', 'load-balancer-changed', { name, did: actions.map((action) => action.do) });
    }
    throw new Error(`the load balancer ${name} is not as it should be after ${ROUNDS} looks`);
  };

  const serve = async (service: StoredService, instances: readonly string[]): Promise<void> => {
    const name = balancerName(service);
    if (!isAskedFor(service)) {
      await settle(service, name, undefined);
      await write(withoutFinalizer(resources.services, asObject(service), balancerFinalizer));
      return;
    }
    const wanted = wantedBalancer(service, instances);
    if ('refused' in wanted) {
      // Nothing to try again before somebody changes it.
      tell(service, wanted.refused);
      return;
    }
    // Before anything costs: a service that is deleted meanwhile waits for the cleanup.
    if (!(service.metadata.finalizers ?? []).includes(balancerFinalizer))
      await write(withFinalizer(resources.services, asObject(service), balancerFinalizer));
    const { balancer } = await settle(service, name, wanted);
    if (balancer) await write(...statusPatch(service, balancer.hostname));
  };

  return {
    async look(byTick) {
      const services = ((await client.list(resources.services)).items as unknown as StoredService[]).filter(
        isConcerned,
      );
      const nodes = services.length > 0 ? (await client.list(resources.nodes)).items : [];
      const instances = instancesOf(nodes as unknown as Stored<Node>[]);
      let againMs: number | undefined;
      for (const service of services) {
        try {
          await serve(service, instances);
        } catch (error) {
          // Of AWS, or by who wrote to the service in between: nothing that the user need know.
          const passes = isStillInUse(error) || isStatus(error, 'Conflict', 'NotFound');
          againMs = Math.min(againMs ?? FAILED_AGAIN_MS, passes ? PASSING_AGAIN_MS : FAILED_AGAIN_MS);
          const message = error instanceof Error ? error.message : String(error);
          ports.log(passes ? 'info' : 'warn', 'load-balancer-not-settled', { ...keyOf(service), message });
          if (!passes) tell(service, message);
        }
      }
      await events.flush();
      await waker.plan(againMs, byTick);
    },
  };
}

function statusPatch(service: StoredService, hostname: string): Action[] {
  const standing = service.status?.loadBalancer?.ingress ?? [];
  if (standing.length === 1 && standing[0]?.hostname === hostname) return [];
  const patch = { metadata: { uid: service.metadata.uid }, status: { loadBalancer: { ingress: [{ hostname }] } } };
  const event = {
    about: asObject(service),
    type: 'Normal',
    reason: 'EnsuredLoadBalancer',
    message: 'Ensured load balancer',
  } as const;
  const key = keyOf(service);
  return [{ do: 'patch', of: resources.services, key, patch, type: 'merge', subresource: 'status', event }];
}
