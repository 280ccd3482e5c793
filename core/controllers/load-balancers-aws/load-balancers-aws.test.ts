import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Stored } from '../../api/objects.ts';
import type { Node, ServiceSpec } from '../../api/types.gen.ts';
import type { StoredService } from '../endpoints/service-pods.ts';
import { dependenceOf, instancesOf } from './asked.ts';
import { decideNetworkBalancer } from './decide.ts';
import { balancerNotAskedController } from './not-asked.ts';
import { wantedBalancer } from './wanted.ts';

const service = (spec: ServiceSpec = {}, more: Partial<StoredService['metadata']> = {}): StoredService => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { namespace: 'default', name: 'web', uid: '01234567-89ab-4cde-8f01-23456789abcd', ...more },
  spec: {
    type: 'LoadBalancer',
    loadBalancerClass: 'service.k8s.aws/nlb',
    ports: [{ port: 80, nodePort: 32767 }],
    ...spec,
  },
});

const node = (name: string, { ready = true, labels = {}, providerID = `aws:///eu-west-1a/${name}` } = {}) =>
  ({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, uid: name, labels },
    spec: { providerID },
    status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  }) as Stored<Node>;

test('targets are the instances of ready nodes that nobody excludes', () => {
  const nodes = [
    node('i-2'),
    node('i-1'),
    node('i-3', { ready: false }),
    node('i-4', { labels: { 'node.kubernetes.io/exclude-from-external-load-balancers': '' } }),
    node('laptop', { providerID: '' }),
  ];
  assert.deepEqual(instancesOf(nodes), ['i-1', 'i-2']);
});

test('nobody is asked to look while no service asks; then for what matters, and not for what a look writes', () => {
  const nodes = [node('i-1')];
  assert.equal(
    dependenceOf([service({ loadBalancerClass: undefined }), service({ type: 'NodePort' })], nodes),
    undefined,
  );
  const asked = dependenceOf([service()], nodes);
  const written = service({}, { finalizers: ['service.kubernetes.io/load-balancer-cleanup'], resourceVersion: '9' });
  written.status = { loadBalancer: { ingress: [{ hostname: 'lb.example' }] } };
  assert.equal(dependenceOf([written], nodes), asked);
  const others = [
    dependenceOf([service()], [...nodes, node('i-2')]),
    dependenceOf([service({ ports: [{ port: 81, nodePort: 32767 }] })], nodes),
    dependenceOf(
      [service({}, { annotations: { 'service.beta.kubernetes.io/aws-load-balancer-scheme': 'internal' } })],
      nodes,
    ),
    dependenceOf([{ ...written, metadata: { ...written.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } }], nodes),
  ];
  assert.equal(new Set([asked, undefined, ...others]).size, 6);
});

test('names are no longer than AWS allows', () => {
  const spec = { externalTrafficPolicy: 'Local' as const, healthCheckNodePort: 32766 };
  const wanted = wantedBalancer(service(spec), []);
  assert.ok(!('refused' in wanted));
  assert.equal(wanted.name, 'k8s-0123456789ab4c');
  assert.deepEqual(
    wanted.listeners.map(({ targets }) => targets.name),
    ['k8s-0123456789ab4c-t32767h32766'],
  );
  assert.ok(wanted.listeners.every(({ targets }) => targets.name.length <= 32));
});

test('what it cannot do is refused in words', () => {
  const why = (spec: ServiceSpec, annotations: Record<string, string> = {}): string => {
    const wanted = wantedBalancer(service(spec, { annotations }), []);
    return 'refused' in wanted ? wanted.refused : '';
  };
  assert.match(why({ ports: [{ port: 80, nodePort: 30000, protocol: 'SCTP' }] }), /SCTP/);
  assert.match(why({ ports: [{ port: 80 }] }), /no node port/);
  assert.match(
    why({}, { 'service.beta.kubernetes.io/aws-load-balancer-scheme': 'public' }),
    /internal or internet-facing/,
  );
  const both = [
    { port: 53, nodePort: 30000, protocol: 'TCP' },
    { port: 53, nodePort: 30000, protocol: 'UDP' },
  ];
  assert.match(why({ ports: both }), /one protocol for port 53/);
});

test('nothing is taken from below a load balancer that stands', () => {
  const standing = {
    balancer: { arn: 'lb', hostname: 'lb.example', scheme: 'internal' as const },
    listeners: [{ arn: 'l', protocol: 'TCP', port: 80, targetGroup: 'tg' }],
    targetGroups: [{ arn: 'tg', name: 'old', instances: [] }],
    group: { id: 'sg', openings: [] },
  };
  assert.deepEqual(decideNetworkBalancer(undefined, standing), [{ do: 'delete-balancer', balancer: 'lb' }]);
  const wanted = wantedBalancer(service(), []);
  assert.ok(!('refused' in wanted));
  assert.ok(decideNetworkBalancer(wanted, standing).every((action) => !action.do.startsWith('delete')));
});

test('a service without a class is told what to write and what it costs; one with a class, or of another type, is not', () => {
  const observe = (one: StoredService) => {
    const cache = { get: () => one, list: () => [], ownedBy: () => [], orphans: () => [], onNode: () => [] };
    return balancerNotAskedController.observe(
      { namespace: 'default', name: 'web' },
      cache as never,
      undefined as never,
    );
  };
  assert.equal(observe(service()), undefined);
  assert.equal(observe(service({ type: 'NodePort', loadBalancerClass: undefined })), undefined);
  const silent = service({ loadBalancerClass: undefined });
  assert.equal(observe(silent), silent);
  const [action] = balancerNotAskedController.decide(silent, 0);
  assert.match(action?.do === 'event' ? action.message : '', /service\.k8s\.aws\/nlb .*0\.0225 USD an hour/);
});
