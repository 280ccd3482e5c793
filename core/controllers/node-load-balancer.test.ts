import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Stored } from '../api/objects.ts';
import type { EndpointSlice, Node, ServiceSpec } from '../api/types.gen.ts';
import type { StoredService } from './endpoints/service-pods.ts';
import { at } from './fixture/objects.ts';
import { decideBalancer, nodeLoadBalancerController, type ObservedBalancer } from './node-load-balancer.ts';

const node = (name: string, address: string, more: { ready?: boolean; labels?: Record<string, string> } = {}) =>
  ({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, uid: name, labels: more.labels ?? {} },
    status: {
      addresses: [{ type: 'InternalIP', address }],
      conditions: [{ type: 'Ready', status: more.ready === false ? 'False' : 'True' }],
      daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
    },
  }) as Stored<Node>;

const service = (name: string, spec: ServiceSpec = {}, age = 10, ingress: string[] = []): StoredService => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { namespace: 'default', name, uid: name, creationTimestamp: at(-age) },
  spec: { type: 'LoadBalancer', ports: [{ port: 80 }], ...spec },
  status: { loadBalancer: { ingress: ingress.map((ip) => ({ ip, ipMode: 'VIP' })) } },
});

const nodes = [node('b', '10.0.0.2'), node('a', '10.0.0.1')];

/** The addresses that it is to have, or undefined when they are right; and what is told. */
function decided(observed: Partial<ObservedBalancer> & Pick<ObservedBalancer, 'service'>) {
  const actions = decideBalancer({ nodes, others: [], slices: [], ...observed });
  const told = actions.flatMap((action) => (action.do === 'event' ? action.message : []));
  const patch = actions.find((action) => action.do === 'patch')?.patch as
    | { status: { loadBalancer: { ingress: { ip: string }[] } } }
    | undefined;
  return { addresses: patch?.status.loadBalancer.ingress.map(({ ip }) => ip), told };
}

test('a service has the addresses of the nodes that are ready and not excluded, and is then left alone', () => {
  assert.deepEqual(decided({ service: service('web') }).addresses, ['10.0.0.1', '10.0.0.2']);
  assert.equal(decided({ service: service('web', {}, 10, ['10.0.0.1', '10.0.0.2']) }).addresses, undefined);
  const others = [
    node('down', '10.0.0.3', { ready: false }),
    node('apart', '10.0.0.4', { labels: { 'node.kubernetes.io/exclude-from-external-load-balancers': '' } }),
    node('simulated', '127.0.0.1'),
  ];
  assert.equal(
    decided({ service: service('web', {}, 10, ['10.0.0.1', '10.0.0.2']), nodes: [...nodes, ...others] }).addresses,
    undefined,
  );
});

test('a port goes to the oldest service that asks for it; who waits is told, and loses what it had', () => {
  const elder = service('elder', {}, 20);
  const { addresses, told } = decided({ service: service('web', {}, 10, ['10.0.0.1']), others: [elder] });
  assert.deepEqual(addresses, []);
  assert.deepEqual(told, ["Error syncing load balancer: the service default/elder has TCP 80 on the nodes' addresses"]);
  const udp = service('web', { ports: [{ port: 80, protocol: 'UDP' }] });
  assert.deepEqual(decided({ service: udp, others: [elder] }).addresses, ['10.0.0.1', '10.0.0.2']);
  assert.deepEqual(decided({ service: elder, others: [service('web')] }).told, []);
});

test("a port that the node's own agent listens on is given to nobody", () => {
  const { addresses, told } = decided({ service: service('web', { ports: [{ port: 10250 }] }) });
  assert.equal(addresses, undefined);
  assert.deepEqual(told, ['Error syncing load balancer: the nodes themselves listen on TCP 10250']);
});

test('where clients keep their address, only nodes with an endpoint are named, while there is one', () => {
  const slice = (ready: boolean): EndpointSlice => ({
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.1.0.1'], nodeName: 'b', conditions: { ready } }],
  });
  const local = service('web', { externalTrafficPolicy: 'Local' });
  assert.deepEqual(decided({ service: local, slices: [slice(true)] }).addresses, ['10.0.0.2']);
  assert.deepEqual(decided({ service: local, slices: [slice(false)] }).addresses, ['10.0.0.1', '10.0.0.2']);
});

test('a service with a class, of another type, or on its way out is none of its own', async () => {
  const observe = (one: StoredService) => {
    const objects = new Map([['services', [one]]]);
    const list = (of: { plural: string }) => (objects.get(of.plural) ?? []) as never[];
    const cache = { get: () => one, list, ownedBy: () => [], orphans: () => [], onNode: () => [] };
    return nodeLoadBalancerController.observe(
      { namespace: 'default', name: 'web' },
      cache as never,
      undefined as never,
    );
  };
  assert.ok(await observe(service('web')));
  assert.equal(await observe(service('web', { loadBalancerClass: 'example.com/mine' })), undefined);
  assert.equal(await observe(service('web', { type: 'NodePort' })), undefined);
  const going = service('web');
  going.metadata.deletionTimestamp = at(0);
  assert.equal(await observe(going), undefined);
});
