import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Stored } from '../../core/api/objects.ts';
import type { ConfigMap, Container, Pod, Secret, Service } from '../../core/api/types.gen.ts';
import { ObjectCache } from '../objects.ts';
import { parseResolvConf, podDns } from './dns.ts';
import { ConfigError, environment } from './env.ts';
import { expand, expandStrictly } from './expand.ts';
import type { FieldContext } from './fields.ts';
import { fieldValue, resourceValue } from './fields.ts';
import { hostsFile, nodename } from './hosts.ts';

const base = (name: string) => ({ metadata: { name, namespace: 'ns', uid: name, resourceVersion: '1' } });

const ofService = (name: string, namespace: string) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace, uid: name, resourceVersion: '1' },
});

function sources(): ObjectCache {
  const cache = new ObjectCache();
  const service: Stored<Service> = {
    ...ofService('my-db', 'ns'),
    spec: { clusterIP: '10.0.0.7', ports: [{ port: 5432, name: 'pg' }] },
  };
  const api: Stored<Service> = {
    ...ofService('kubernetes', 'default'),
    spec: { clusterIP: '10.0.0.1', ports: [{ port: 443 }] },
  };
  const headless: Stored<Service> = {
    ...ofService('peers', 'ns'),
    spec: { clusterIP: 'None', ports: [{ port: 7000 }] },
  };
  const map: ConfigMap = { ...base('settings'), data: { COLOUR: 'blue', 'with-dash': 'x' } };
  const secret: Secret = { ...base('keys'), data: { password: Buffer.from('geheim').toString('base64') } };
  const network = {
    services: [service, api, headless],
    endpointSlices: [],
    deletedServices: [],
    deletedEndpointSlices: [],
  };
  cache.apply({ full: true, node: {}, configMaps: [map], secrets: [secret], network, missing: [] });
  return cache;
}

const pod: Pod = {
  metadata: { name: 'web', namespace: 'ns', uid: 'u', labels: { b: '2', a: 'x "y"' } },
  spec: {
    containers: [{ name: 'app', resources: { requests: { cpu: '250m' }, limits: { memory: '64Mi' } } }],
    nodeName: 'one',
    serviceAccountName: 'robot',
  },
};
const context: FieldContext = {
  pod,
  podIPs: ['10.1.0.5'],
  hostIPs: ['192.0.2.1'],
  allocatable: { cpu: '2', memory: '4Gi' },
};
const env = (container: Partial<Container>) =>
  Object.fromEntries(environment(context, sources(), { name: 'app', ...container }));

test('variables refer to earlier ones, escapes stay, and names that nobody set stay as they are written', () => {
  const values = new Map([['A', '1']]);
  assert.equal(expand('$(A)-$$(A)-$(B)-$A-$', values), '1-$(A)-$(B)-$A-$');
  assert.equal(expand('$(A', values), '$(A');
  assert.throws(() => expandStrictly('dir/$(B)', values), /missing value for "B"/);
});

test('services of the namespace and the API become variables; env goes before envFrom, which goes before services', () => {
  const result = env({
    envFrom: [{ prefix: 'P_', configMapRef: { name: 'settings' } }],
    env: [
      { name: 'P_COLOUR', value: 'red' },
      { name: 'URL', value: 'pg://$(MY_DB_SERVICE_HOST):$(MY_DB_SERVICE_PORT_PG)/$(P_COLOUR)' },
      { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'keys', key: 'password' } } },
      { name: 'NONE', valueFrom: { configMapKeyRef: { name: 'no-such', key: 'k', optional: true } } },
    ],
  });
  assert.equal(result['URL'], 'pg://10.0.0.7:5432/red');
  assert.equal(result['P_with-dash'], 'x');
  assert.equal(result['PASSWORD'], 'geheim');
  assert.equal('NONE' in result, false);
  assert.equal(result['KUBERNETES_SERVICE_HOST'], '10.0.0.1');
  assert.equal(result['MY_DB_PORT_5432_TCP_ADDR'], '10.0.0.7');
  assert.equal('PEERS_SERVICE_HOST' in result, false, 'a headless service has no address to tell');
});

test('what is missing is named', () => {
  const from = (valueFrom: object) => () => env({ env: [{ name: 'X', valueFrom }] });
  assert.throws(from({ configMapKeyRef: { name: 'gone', key: 'k' } }), new ConfigError('configmap "gone" not found'));
  assert.throws(from({ secretKeyRef: { name: 'keys', key: 'k' } }), /couldn't find key k in Secret ns\/keys/);
  assert.throws(() => env({ envFrom: [{ secretRef: { name: 'gone' } }] }), /secret "gone" not found/);
});

test('fields and resources of the pod, with divisors, and the node behind a limit that is not set', () => {
  const field = (fieldPath: string) => fieldValue(context, { fieldPath });
  assert.equal(field("metadata.labels['a']"), 'x "y"');
  assert.equal(field('metadata.labels'), 'a="x \\"y\\""\nb="2"');
  assert.equal(field('status.podIP'), '10.1.0.5');
  assert.equal(field('spec.serviceAccountName'), 'robot');
  const resource = (name: string, divisor?: string) => resourceValue(context, 'app', { resource: name, divisor });
  assert.equal(resource('limits.memory'), '67108864');
  assert.equal(resource('limits.memory', '1Mi'), '64');
  assert.equal(resource('requests.cpu'), '1');
  assert.equal(resource('requests.cpu', '1m'), '250');
  assert.equal(resource('limits.cpu'), '2');
});

test('DNS by policy: the cluster first, the node, nobody; what the pod adds comes on top', () => {
  const host = parseResolvConf('nameserver 192.0.2.53 # ours\nsearch example.com\noptions timeout:1\n');
  const node = { clusterDns: ['10.0.0.10'], clusterDomain: 'cluster.local', host };
  const dns = (spec: Partial<NonNullable<Pod['spec']>>) => {
    const { omitted, ...settings } = podDns({ ...pod, spec: { ...pod.spec!, ...spec } }, node);
    assert.deepEqual(omitted, []);
    return settings;
  };
  assert.deepEqual(dns({}), {
    servers: ['10.0.0.10'],
    searches: ['ns.svc.cluster.local', 'svc.cluster.local', 'cluster.local', 'example.com'],
    options: ['ndots:5'],
  });
  assert.deepEqual(dns({ dnsPolicy: 'Default' }), host);
  assert.deepEqual(dns({ hostNetwork: true }), host);
  const dnsConfig = {
    nameservers: ['1.1.1.1'],
    searches: ['a.b'],
    options: [{ name: 'ndots', value: '2' }, { name: 'rotate' }],
  };
  assert.deepEqual(dns({ dnsPolicy: 'None', dnsConfig }), {
    servers: ['1.1.1.1'],
    searches: ['a.b'],
    options: ['ndots:2', 'rotate'],
  });
  assert.deepEqual(dns({ dnsConfig }).options, ['ndots:2', 'rotate']);
  assert.deepEqual(dns({ hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' }), dns({}));
});

test('a resolver is given no more than it reads, and never the servers of a machine that the pod cannot reach', () => {
  const host = { servers: [], searches: [], options: [] };
  const node = { clusterDns: ['10.0.0.10'], clusterDomain: 'cluster.local', host };
  const dns = (spec: object) => podDns({ ...pod, spec: { ...pod.spec!, ...spec } }, node);
  assert.deepEqual(dns({ dnsPolicy: 'Default' }).servers, ['127.0.0.1']);
  const many = {
    nameservers: ['1.1.1.1', '2.2.2.2', '3.3.3.3'],
    searches: Array.from({ length: 40 }, (_, i) => `s${i}`),
  };
  assert.deepEqual(dns({ dnsConfig: many }).servers, ['10.0.0.10', '1.1.1.1', '2.2.2.2']);
  assert.equal(dns({ dnsConfig: many }).searches.length, 32);
  const [servers, searches] = dns({ dnsConfig: many }).omitted;
  assert.equal(
    servers,
    'Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: 10.0.0.10 1.1.1.1 2.2.2.2',
  );
  assert.match(searches ?? '', /^Search Line limits were exceeded, some search paths have been omitted, .* s27 s28$/);
  const long = { searches: Array.from({ length: 20 }, (_, i) => `${i}${'x'.repeat(200)}`) };
  assert.ok(dns({ dnsConfig: long }).searches.join(' ').length <= 2048);
  const tooLong = dns({ dnsConfig: { searches: ['x'.repeat(254), 'a.b'] } });
  assert.deepEqual([tooLong.searches.length, tooLong.searches.at(-1), tooLong.omitted.length], [4, 'a.b', 1]);
  assert.deepEqual(parseResolvConf('search example.com. . a.b').searches, ['example.com', 'a.b']);
});

test('hostname, fully qualified on request, and the hosts file with aliases', () => {
  const named: Pod = {
    ...pod,
    spec: { ...pod.spec!, hostname: 'h', subdomain: 'sub', hostAliases: [{ ip: '1.2.3.4', hostnames: ['a', 'b'] }] },
  };
  assert.equal(nodename(named, 'cluster.local'), 'h');
  const full = { ...named, spec: { ...named.spec!, setHostnameAsFQDN: true } };
  assert.equal(nodename(full, 'cluster.local'), 'h.sub.ns.svc.cluster.local');
  assert.throws(
    () => nodename({ ...full, spec: { ...full.spec, subdomain: 's'.repeat(60) } }, 'cluster.local'),
    /is too long/,
  );
  const file = hostsFile(named, ['10.1.0.5'], 'cluster.local', '');
  assert.match(file, /^# Kubernetes-managed hosts file\.\n127\.0\.0\.1\tlocalhost\n/);
  assert.match(file, /10\.1\.0\.5\th\.sub\.ns\.svc\.cluster\.local\th\n/);
  assert.match(file, /# Entries added by HostAliases\.\n1\.2\.3\.4\ta\tb\n$/);
});
