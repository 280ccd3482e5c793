import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { NetworkChanges } from '../../../core/api/node-sync.ts';
import type { Service } from '../../../core/api/types.gen.ts';
import { freePort } from '../../../test/e2e/cluster.ts';
import { NetworkCache } from '../network-objects.ts';
import { ServiceRulesKeeper } from './apply.ts';
import { end, node, service, slice } from './fixture/services.ts';

const folder = mkdtempSync(join(tmpdir(), 'slipway-apply-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A keeper whose programs the test answers for, and whose timers it moves. */
function keeper(t: TestContext, address = node.address) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const network = new NetworkCache();
  const applied: string[] = [];
  const programs: string[] = [];
  const words: string[] = [];
  const answers: { refuse?: string; listing: string } = { listing: '' };
  const rules = new ServiceRulesKeeper({
    network,
    node: { ...node, address },
    folder,
    log: (_level, event) => void words.push(event),
    async run(program, args) {
      programs.push([program, ...args].join(' '));
      if (program !== 'nft') return args[0] === '-L' ? answers.listing : '';
      const refusal = answers.refuse;
      delete answers.refuse;
      if (refusal) throw new Error(refusal);
      applied.push(readFileSync(args[1]!, 'utf8'));
      return '';
    },
  });
  t.after(() => rules.close());
  let version = 1;
  const bring = (changes: Partial<NetworkChanges>, full = false): void => {
    version++;
    const renewed = <T extends { metadata: object }>(objects: T[] = []): T[] =>
      objects.map((object) => ({ ...object, metadata: { ...object.metadata, resourceVersion: String(version) } }));
    const { services, endpointSlices, deletedServices = [], deletedEndpointSlices = [] } = changes;
    network.apply(
      { services: renewed(services), endpointSlices: renewed(endpointSlices), deletedServices, deletedEndpointSlices },
      full,
    );
  };
  const pass = async (ms: number): Promise<void> => {
    t.mock.timers.tick(ms);
    for (let i = 0; i < 10; i++) await turn();
  };
  return { rules, applied, programs, words, answers, bring, pass };
}

const web = (spec: Service['spec'] = {}) => service('web', spec);

test('the first answer makes the table anew, later ones change it, together when they come together', async (t) => {
  const { applied, bring, pass } = keeper(t);
  await pass(1000);
  assert.deepEqual(applied, [], 'the table of an earlier agent stands until something is known');
  bring({ services: [web()] }, true);
  await pass(5);
  assert.match(applied[0] ?? '', /^table ip slipway-services\ndelete table ip slipway-services\n/);
  bring({ endpointSlices: [slice('web', [end('10.64.17.2')])] });
  bring({ endpointSlices: [slice('web', [end('10.64.17.3')])] });
  await pass(100);
  assert.equal(applied.length, 2);
  assert.doesNotMatch(applied[1] ?? '', /delete table|10\.64\.17\.2/);
  bring({ services: [web({ clusterIP: '10.128.0.5' })] });
  await pass(100);
  assert.equal(applied.length, 2, 'nothing that rules follow from has changed');
});

test('a change that nft refuses is followed by the whole table, and a whole table that it refuses is tried again', async (t) => {
  const { applied, bring, pass, answers, words } = keeper(t);
  bring({ services: [web()] }, true);
  await pass(5);
  answers.refuse = 'No such file or directory';
  bring({ endpointSlices: [slice('web', [end('10.64.17.2')])] });
  await pass(100);
  assert.match(applied[1] ?? '', /delete table[\s\S]*10\.64\.17\.2/);
  assert.ok(words.includes('service rules are made anew'));
});

test('at the start a refusal is told and tried again', async (t) => {
  const { applied, bring, pass, answers, words } = keeper(t);
  answers.refuse = 'Operation not permitted';
  bring({ services: [web()] }, true);
  await pass(5);
  assert.deepEqual(applied, []);
  assert.ok(words.includes('service rules not applied, trying again'));
  await pass(5_000);
  assert.equal(applied.length, 1);
});

test('UDP flows to an endpoint that left are forgotten, after the rules no longer lead there', async (t) => {
  const { programs, bring, pass, answers } = keeper(t);
  const udp = { ports: [{ port: 53, protocol: 'UDP' }] };
  const dns = (...addresses: string[]) =>
    slice(
      'web',
      addresses.map((address) => end(address)),
      [{ name: '', port: 5353, protocol: 'UDP' }],
    );
  bring({ services: [web(udp)], endpointSlices: [dns('10.64.17.2', '10.64.17.3')] }, true);
  await pass(5);
  answers.listing =
    'udp 17 9 src=10.64.17.9 dst=10.128.0.5 sport=1 dport=53 src=10.64.17.2 dst=10.64.17.9 sport=5353 dport=1 use=1';
  programs.length = 0;
  bring({ endpointSlices: [dns('10.64.17.3')] });
  await pass(100);
  assert.deepEqual(
    programs.map((line) => line.split(' ').slice(0, 2).join(' ')),
    ['nft -f', 'conntrack -L', 'conntrack -D'],
  );
});

test('the node’s zone decides which endpoints are near', async (t) => {
  const { rules, applied, bring, pass } = keeper(t);
  const hinted = ['zone-a', 'zone-b'].map((zone, i) => end(`10.64.18.${i}`, { hints: { forZones: [{ name: zone }] } }));
  rules.nodeSeen({});
  bring({ services: [web()], endpointSlices: [slice('web', hinted)] }, true);
  await pass(5);
  assert.match(applied[0] ?? '', /random mod 2/);
  rules.nodeSeen({ metadata: { labels: { 'topology.kubernetes.io/zone': 'zone-b' } } });
  await pass(100);
  assert.match(applied[1] ?? '', /random mod 1/);
});

test('load balancers are told whether an endpoint is here, on the port of the service, until it is gone', async (t) => {
  const { bring, pass, words } = keeper(t, '127.0.0.1');
  const port = await freePort();
  const spec = { type: 'LoadBalancer', externalTrafficPolicy: 'Local', healthCheckNodePort: port };
  const ask = async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/healthz`, { headers: { connection: 'close' } });
    return [answer.status, await answer.json()];
  };
  const told = (localEndpoints: number) => ({
    service: { namespace: 'shop', name: 'web' },
    localEndpoints,
    serviceProxyHealthy: true,
  });
  bring({ services: [web(spec)], endpointSlices: [slice('web', [end('10.64.18.2')])] }, true);
  await pass(5);
  assert.deepEqual(await ask(), [503, told(0)]);
  bring({ endpointSlices: [slice('web', [end('10.64.17.2')])] });
  await pass(100);
  assert.deepEqual(await ask(), [200, told(1)]);
  bring({ deletedServices: [{ namespace: 'shop', name: 'web' }] });
  await pass(100);
  await assert.rejects(ask(), /fetch failed/);
  assert.deepEqual(
    words.filter((word) => word.startsWith('health check')),
    [],
  );
});
