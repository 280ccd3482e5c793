// On AWS a service of type LoadBalancer without a class stays pending: whoever made it is told what to write, and what that costs.
import { keyOf } from '../../api/objects.ts';
import { resources } from '../../client/resources.ts';
import type { Controller } from '../controller.ts';
import type { StoredService } from '../endpoints/service-pods.ts';
import { asObject, isDeleting } from '../owner.ts';
import { balancerClass } from './asked.ts';

/** The class of a service cannot be changed later. Price of us-east-1: https://aws.amazon.com/elasticloadbalancing/pricing/ */
const message =
  'A load balancer costs by the hour, so it has to be asked for: create the service again with ' +
  `spec.loadBalancerClass: ${balancerClass} for a Network Load Balancer (0.0225 USD an hour, some 16 a month, and what it ` +
  "carries). Without one the service is reached at its node ports, also by a load balancer of your own (docs/aws.md, 'Load balancers')";

export const balancerNotAskedController: Controller<StoredService> = {
  name: 'load-balancer-not-asked',
  component: 'service-controller',
  watches: [resources.services],
  keysFor: (_of, object) => [keyOf(object)],
  observe(key, cache) {
    const service = cache.get(resources.services, key) as unknown as StoredService | undefined;
    const isOurs = service?.spec?.type === 'LoadBalancer' && !service.spec.loadBalancerClass && !isDeleting(service);
    return isOurs ? service : undefined;
  },
  decide: (service) => [
    { do: 'event', about: asObject(service), type: 'Warning', reason: 'LoadBalancerNotAskedFor', message },
  ],
};
