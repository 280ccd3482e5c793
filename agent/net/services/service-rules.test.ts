// What each kind of service adds to the table. The goldens hold the rules themselves.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Service } from '../../../core/api/types.gen.ts';
import { assertGolden } from '../../../test/golden-file.ts';
import { type End, end, node, service, slice } from './fixture/services.ts';
import { serviceRules } from './service-rules.ts';

const here = end('10.64.17.2');
const there = end('10.64.18.2');

/** As JSON. */
function rulesOf(of: Service, ends: readonly End[], ports = slice('web', []).ports) {
  const rules = serviceRules(of, [slice('web', ends, ports)], node);
  return {
    chains: Object.fromEntries(rules.chains),
    pools: Object.fromEntries(rules.pools),
    affinitySets: [...rules.affinitySets],
    elements: Object.fromEntries(rules.elements),
    flows: Object.fromEntries([...rules.flows].map(([key, targets]) => [key, [...targets]])),
    ...(rules.healthCheck ? { healthCheck: rules.healthCheck } : {}),
  };
}
const verdicts = (of: Service, ends: readonly End[]) => rulesOf(of, ends).elements;
const nothing = { chains: {}, pools: {}, affinitySets: [], elements: {}, flows: {} };

test('a cluster IP leads to its endpoints at random; a pod of this node may reach itself', () => {
  assertGolden('services/cluster-ip', rulesOf(service('web'), [here, there]));
});

test('several ports and protocols, node ports on top', () => {
  const ports = [
    { name: 'http', port: 80, nodePort: 30080 },
    { name: 'dns', port: 53, protocol: 'UDP', nodePort: 30053 },
    { name: 'signal', port: 99, protocol: 'SCTP' },
  ];
  const numbers = [
    { name: 'http', port: 8080 },
    { name: 'dns', port: 5353, protocol: 'UDP' },
    { name: 'signal', port: 9900, protocol: 'SCTP' },
  ];
  assertGolden('services/ports', rulesOf(service('web', { type: 'NodePort', ports }), [here, there], numbers));
});

test('clients keep to their endpoint for the time that the service gives', () => {
  const sessionAffinityConfig = { clientIP: { timeoutSeconds: 60 } };
  const sticky = service('web', { sessionAffinity: 'ClientIP', sessionAffinityConfig });
  assertGolden('services/affinity', rulesOf(sticky, [here, there]));
});

test('a load balancer has its addresses and its source ranges, external addresses have none', () => {
  const spec = {
    type: 'LoadBalancer',
    ports: [{ port: 80, nodePort: 30080 }],
    externalIPs: ['192.0.2.9', '2001:db8::1'],
    loadBalancerSourceRanges: ['10.0.0.0/8', ' 192.0.2.0/24 ', '2001:db8::/32'],
  };
  const ingress = [{ ip: '10.64.0.11' }, { ip: '10.64.0.12', ipMode: 'Proxy' }];
  assertGolden('services/load-balancer', rulesOf(service('web', spec, ingress), [here]));
});

test('externalTrafficPolicy Local keeps the client’s address: endpoints here, or none for who comes from outside', () => {
  const spec = {
    type: 'LoadBalancer',
    externalTrafficPolicy: 'Local',
    healthCheckNodePort: 32000,
    ports: [{ port: 80, nodePort: 30080 }],
  };
  const local = service('web', spec, [{ ip: '10.64.0.11' }]);
  assertGolden('services/external-local', rulesOf(local, [here, there]));
  assertGolden('services/external-local-none-here', rulesOf(local, [there]));
});

test('internalTrafficPolicy Local: endpoints of this node, or the packet is dropped; without any it is refused', () => {
  const local = service('web', { internalTrafficPolicy: 'Local' });
  const key = 'service-ports 10.128.0.5 . tcp . 80';
  assert.match(verdicts(local, [here, there])[key] ?? '', /^goto local-/);
  assert.equal(verdicts(local, [there])[key], 'drop');
  assert.equal(verdicts(local, [])[key], 'goto refuse');
});

test('a service without endpoints refuses at all its addresses', () => {
  const spec = { type: 'LoadBalancer', externalIPs: ['192.0.2.9'], ports: [{ port: 80, nodePort: 30080 }] };
  assert.deepEqual(verdicts(service('web', spec, [{ ip: '10.64.0.11' }]), []), {
    'cluster-addresses 10.128.0.5': '',
    'service-ports 10.128.0.5 . tcp . 80': 'goto refuse',
    'service-ports 192.0.2.9 . tcp . 80': 'goto refuse',
    'service-ports 10.64.0.11 . tcp . 80': 'goto refuse',
    'node-ports tcp . 30080': 'goto refuse',
  });
});

test('headless services, names for something outside, and cluster DNS have no rules', () => {
  assert.deepEqual(rulesOf(service('web', { clusterIP: 'None' }), [here]), nothing);
  assert.deepEqual(rulesOf(service('web', { type: 'ExternalName', externalName: 'example.com' }), []), nothing);
  const dns = service('kube-dns');
  dns.metadata.namespace = 'kube-system';
  assert.deepEqual(rulesOf(dns, [here]), nothing);
  assert.deepEqual(rulesOf(service('web', { clusterIP: 'fd00::5' }), [here]), nothing);
});

test('the node itself as an endpoint needs no way back through itself', () => {
  const elements = verdicts(service('web'), [end('10.64.0.11', { node: 'here' })]);
  assert.equal(
    Object.keys(elements).some((key) => key.startsWith('hairpin')),
    false,
  );
});

test('names stay within what nft takes, and differ where long names begin alike', () => {
  const name = 'n'.repeat(63);
  const chainsOf = (namespace: string) => {
    const long = service(name, { sessionAffinity: 'ClientIP' });
    long.metadata.namespace = namespace;
    return Object.keys(rulesOf(long, [end('100.100.100.100')]).chains);
  };
  const chains = [...chainsOf(`${'a'.repeat(62)}b`), ...chainsOf(`${'a'.repeat(62)}c`)];
  assert.equal(new Set(chains).size, 4);
  assert.ok(chains.every((chain) => chain.length <= 120));
});
