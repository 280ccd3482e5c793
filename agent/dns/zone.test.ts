import assert from 'node:assert/strict';
import { test } from 'node:test';
import { service, slice, World } from './fixture/world.ts';

const web = service('web', {
  clusterIP: '10.96.0.20',
  clusterIPs: ['10.96.0.20'],
  ports: [{ name: 'http', port: 80, protocol: 'TCP' }, { name: 'metrics', port: 9090 }, { port: 1 }],
});
const db = service('db', { clusterIP: 'None' });
const dbSlice = slice(
  'db',
  [
    { addresses: ['10.64.17.2'], hostname: 'db-0', conditions: { ready: true } },
    { addresses: ['10.64.17.3'] },
    { addresses: ['10.64.17.4'], conditions: { ready: false } },
  ],
  [{ name: 'sql', port: 5432, protocol: 'TCP' }],
);

test('a service has its cluster address, also under names that only differ in case', async () => {
  const world = new World().apply([web]);
  assert.deepEqual(await world.tell('web.default.svc.cluster.local'), ['10.96.0.20']);
  const asked = 'WeB.Default.SVC.cluster.LOCAL';
  const { questions, answers, flag_aa, flag_ra, rcode } = await world.ask(asked);
  assert.equal(questions?.[0]?.name, asked);
  assert.equal(answers?.[0]?.name, asked, 'the answer bears the name as it was asked');
  assert.deepEqual([flag_aa, flag_ra, rcode], [true, true, 'NOERROR']);
});

test('what does not exist is NXDOMAIN, what has no such record is NODATA, and both say for how long', async () => {
  const world = new World().apply([web]);
  for (const name of ['no.default', 'web.other', 'web.default.svc.cluster.local', 'a.b.c.d.e.web.default'])
    assert.equal(await world.tell(`${name}.svc.cluster.local`), 'NXDOMAIN');
  for (const name of ['web.default.svc.', 'default.svc.', '_tcp.web.default.svc.', 'svc.', 'pod.', ''])
    assert.equal(await world.tell(`${name}cluster.local`, 'AAAA'), 'NODATA', name);
  assert.equal(await world.tell('other.svc.cluster.local'), 'NXDOMAIN');
  for (const name of ['web.default.svc.cluster.local', 'no.default.svc.cluster.local']) {
    const { authorities } = await world.ask(name, 'AAAA');
    const [soa] = authorities ?? [];
    assert.ok(soa?.type === 'SOA');
    assert.deepEqual([soa.name, soa.ttl, soa.data.minimum], ['cluster.local', 5, 5]);
  }
});

test('a question that comes again is answered by what is there then', async () => {
  const world = new World().apply([web]);
  const name = 'new.default.svc.cluster.local';
  const ask = async (id: number) => {
    const { answers, bytes, rcode } = await world.ask(name, 'A', { id });
    assert.equal(bytes.readUInt16BE(0), id);
    return answers?.length ? answers.map((one) => 'data' in one && one.data) : rcode;
  };
  for (const id of [1, 2]) assert.equal(await ask(id), 'NXDOMAIN');
  world.apply([service('new', { clusterIP: '10.96.0.21' })]);
  for (const id of [3, 4]) assert.deepEqual(await ask(id), ['10.96.0.21']);
  assert.equal((await world.ask(name, 'AAAA')).answers?.length, 0);
  assert.equal((await world.ask(name.toUpperCase())).questions?.[0]?.name, name.toUpperCase());
  world.apply([service('new', { clusterIP: '10.96.0.22' })]);
  assert.deepEqual(await ask(5), ['10.96.0.22']);
});

test('named ports have SRV records, also of all ports at once; unnamed ones have none', async () => {
  const world = new World().apply([web]);
  const target = 'web.default.svc.cluster.local';
  assert.deepEqual(await world.tell(`_http._tcp.${target}`, 'SRV'), [{ priority: 0, weight: 100, port: 80, target }]);
  assert.equal(await world.tell(`_http._udp.${target}`, 'SRV'), 'NXDOMAIN');
  assert.equal(await world.tell(`_http._tcp.${target}`, 'A'), 'NODATA');
  assert.equal(await world.tell(`http._tcp.${target}`, 'SRV'), 'NXDOMAIN');
  const all = (await world.tell(target, 'SRV')) as { port: number }[];
  assert.deepEqual(all.map(({ port }) => port).sort(), [80, 9090]);
});

test('a headless service has the addresses of its ready endpoints, each under a name of its own', async () => {
  const world = new World().apply([db], [dbSlice]);
  const name = 'db.default.svc.cluster.local';
  assert.deepEqual(((await world.tell(name)) as string[]).sort(), ['10.64.17.2', '10.64.17.3']);
  assert.deepEqual(await world.tell(`db-0.${name}`), ['10.64.17.2']);
  assert.deepEqual(await world.tell(`10-64-17-3.${name}`), ['10.64.17.3']);
  assert.equal(await world.tell(`10-64-17-4.${name}`), 'NXDOMAIN');
  assert.equal(await world.tell(`db-1.${name}`), 'NXDOMAIN');
  const ports = (await world.tell(`_sql._tcp.${name}`, 'SRV')) as { target: string }[];
  assert.deepEqual(ports.map(({ target }) => target).sort(), [`10-64-17-3.${name}`, `db-0.${name}`]);
});

test('a headless service that publishes what is not ready has those too; one without endpoints is NXDOMAIN', async () => {
  const world = new World().apply([db], [slice('db', [{ addresses: ['10.64.17.4'], conditions: { ready: false } }])]);
  assert.equal(await world.tell('db.default.svc.cluster.local'), 'NXDOMAIN');
  world.apply([service('db', { clusterIP: 'None', publishNotReadyAddresses: true })]);
  assert.deepEqual(await world.tell('db.default.svc.cluster.local'), ['10.64.17.4']);
});

test('addresses lead back to services and named endpoints; others within the cluster lead nowhere', async () => {
  const world = new World().apply([web, db], [dbSlice]);
  assert.deepEqual(await world.tell('20.0.96.10.in-addr.arpa', 'PTR'), ['web.default.svc.cluster.local']);
  assert.deepEqual(await world.tell('2.17.64.10.in-addr.arpa', 'PTR'), ['db-0.db.default.svc.cluster.local']);
  assert.equal(await world.tell('4.17.64.10.in-addr.arpa', 'PTR'), 'NXDOMAIN');
  assert.equal(await world.tell('20.0.96.10.in-addr.arpa', 'A'), 'NODATA');
  assert.equal(await world.tell('64.10.in-addr.arpa', 'PTR'), 'NODATA');
  assert.equal(await world.tell('1.2.0.192.in-addr.arpa', 'PTR'), 'SERVFAIL', 'not ours, and nobody to ask');
  world.apply([], [slice('db', [{ addresses: ['192.0.2.1'] }])]);
  assert.deepEqual(await world.tell('1.2.0.192.in-addr.arpa', 'PTR'), ['192-0-2-1.db.default.svc.cluster.local']);
  assert.equal(await world.tell('2.17.64.10.in-addr.arpa', 'PTR'), 'NXDOMAIN', 'an endpoint that is gone');
  world.network.apply({ services: [], endpointSlices: [], deletedServices: [], deletedEndpointSlices: [] }, true);
  assert.equal(await world.tell('20.0.96.10.in-addr.arpa', 'PTR'), 'NXDOMAIN', 'a service that is gone');
  assert.equal(await world.tell('default.svc.cluster.local'), 'NXDOMAIN');
});

test('addresses of pods have names by themselves; the zone tells its version and its server', async () => {
  const world = new World();
  assert.deepEqual(await world.tell('10-64-17-9.any.pod.cluster.local'), ['10.64.17.9']);
  for (const label of ['10-64-17', '10-64-17-256', 'x', '10.64.17.9'])
    assert.equal(await world.tell(`${label}.any.pod.cluster.local`), 'NXDOMAIN', label);
  assert.deepEqual(await world.tell('dns-version.cluster.local', 'TXT'), [[Buffer.from('1.1.0')]]);
  assert.deepEqual(await world.tell('cluster.local', 'NS'), ['ns.dns.cluster.local']);
  assert.deepEqual(await world.tell('ns.dns.cluster.local'), ['10.96.0.10']);
});

test('an external name is an alias, followed within the cluster, through other aliases, and not for ever', async () => {
  const alias = (name: string, externalName: string) => service(name, { type: 'ExternalName', externalName });
  const to = (name: string) => `${name}.default.svc.cluster.local`;
  const world = new World().apply([
    web,
    alias('one', `${to('Two')}.`),
    alias('two', to('web')),
    alias('lost', to('gone')),
    alias('round', to('about')),
    alias('about', to('round')),
    alias('long', `${'x'.repeat(64)}.example.com`),
  ]);
  assert.deepEqual(await world.tell(to('one')), [to('Two'), to('web'), '10.96.0.20']);
  assert.deepEqual(await world.tell(to('one'), 'CNAME'), [to('Two')]);
  assert.deepEqual((await world.ask(to('one'), 'AAAA')).answers?.length, 2, 'aliases, and no address of this kind');
  assert.equal((await world.ask(to('lost'))).rcode, 'NXDOMAIN');
  assert.equal((await world.ask(to('round'))).rcode, 'SERVFAIL');
  assert.equal(await world.tell(to('long')), 'NODATA', 'a name that DNS cannot carry');
});

test('until the node has seen the services, it does not say that one does not exist', async () => {
  const world = new World();
  world.complete = false;
  assert.equal(await world.tell('web.default.svc.cluster.local'), 'SERVFAIL');
  assert.equal(await world.tell('2.17.64.10.in-addr.arpa', 'PTR'), 'SERVFAIL');
});
