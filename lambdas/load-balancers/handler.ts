// Makes and ends Network Load Balancers for services that ask for one. Nobody calls it while none does.
import { defaultProvider } from '../../aws/function-credentials.ts';
import { regionOf } from '../../aws/identity/endpoints.ts';
import { environment } from '../../aws/names.ts';
import { queryClient } from '../../aws/query-api/client.ts';
import { compose } from '../host/compose.ts';
import type { Call } from '../host/event.ts';
import { metered } from '../host/meter.ts';
import { required } from '../host/settings.ts';
import { type LoadBalancersFunction, loadBalancersFunction } from './function.ts';
import { networkBalancers } from './network-balancers.ts';

let made: LoadBalancersFunction | undefined;

export const handler = metered('load-balancers', async (call: Call): Promise<void> => {
  const { env } = process;
  const composed = await compose();
  const query = queryClient({
    region: regionOf(env) ?? required(env, 'AWS_REGION'),
    credentials: defaultProvider(),
    now: composed.ports.clock.now,
    endpoint: env['AWS_ENDPOINT_URL'],
  });
  made ??= loadBalancersFunction({
    ...composed,
    balancers: networkBalancers(query, {
      cluster: required(env, environment.cluster),
      vpc: required(env, environment.loadBalancerVpc),
      subnets: required(env, environment.loadBalancerSubnets).split(','),
      group: required(env, environment.loadBalancerGroup),
    }),
  });
  await made.look(call.tick !== undefined);
});
