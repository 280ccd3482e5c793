import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { assertGolden } from '../../../test/golden-file.ts';
import { type Random, seeded, seedOfRun } from '../../../test/simulation/random.ts';
import { which } from '../../containerd/programs.ts';
import { type End, end, node, service, slice } from './fixture/services.ts';
import { RuleBook } from './rule-book.ts';
import { serviceRules } from './service-rules.ts';

const rules = (name: string, spec: Parameters<typeof service>[1], ends: readonly End[]) =>
  serviceRules(service(name, spec), [slice(name, ends)], node);
const address = (i: number): string => `10.128.${i >> 8}.${i & 255}`;
const sticky = { clusterIP: '10.128.0.6', sessionAffinity: 'ClientIP' };
const [first, second] = [end('10.64.17.2'), end('10.64.18.2')];

/** A table with a service of each kind, and the steps of its life: whole, changes, the end of everything. */
function story(): string[][] {
  const book = new RuleBook();
  book.replace('shop/web', rules('web', { ports: [{ port: 80, nodePort: 30080 }] }, [first, second]));
  book.replace('shop/sticky', rules('sticky', sticky, [first, second]));
  book.replace('shop/idle', rules('idle', { clusterIP: '10.128.0.7' }, []));
  const whole = book.whole(node).commands;
  const replaced = (...changes: Parameters<RuleBook['replace']>[]): string[] => {
    for (const change of changes) book.replace(...change);
    return book.take().commands;
  };
  return [
    whole,
    replaced(['shop/idle', rules('idle', { clusterIP: '10.128.0.7' }, [second])]),
    replaced(['shop/sticky', rules('sticky', sticky, [second])]),
    replaced(['shop/web', rules('web', { ports: [{ port: 81, nodePort: 30080 }] }, [first])]),
    replaced(['shop/sticky', rules('sticky', { ...sticky, sessionAffinity: 'None' }, [second])]),
    replaced(['shop/web', undefined], ['shop/sticky', undefined], ['shop/idle', undefined]),
  ];
}

test('the commands of a whole table, and of what becomes of it', () => {
  assertGolden('services/commands', story());
});

/** What a namespace's table is after each of these lists of commands, one after the other. */
function tableAfter(steps: readonly (readonly string[])[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-rules-'));
  try {
    steps.forEach((commands, i) => {
      writeFileSync(join(folder, `${i}.nft`), `${commands.join('\n')}\n`);
    });
    const script = `set -e; i=0; while [ -e ${folder}/$i.nft ]; do nft -f ${folder}/$i.nft; i=$((i + 1)); done; nft list table ip slipway-services`;
    return execFileSync('unshare', ['--net', 'sh', '-c', script], { encoding: 'utf8' });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('nft takes them, and nothing is left in the end', { skip: unable() }, () => {
  assert.doesNotMatch(tableAfter(story()), /elements = |cluster-[0-9a-f]{12}|clients-/);
});

test('whatever changes, the changed table is what a new one would be', { skip: unable() }, (t) => {
  const seed = seedOfRun();
  t.diagnostic(`SLIPWAY_SEED=${seed}`);
  const random = seeded(seed);
  const book = new RuleBook();
  const steps = [book.whole(node).commands];
  for (let step = 0; step < 60; step++) {
    for (let i = 0; i <= random.below(2); i++) {
      const name = `s${random.below(4)}`;
      book.replace(`shop/${name}`, random.below(6) === 0 ? undefined : randomRules(name, random));
    }
    steps.push(book.take().commands);
  }
  // the order in which chains were made and elements came does not matter
  const gist = (table: string): string[] => table.split(/[\s,]+(?=\S)/).toSorted();
  assert.deepEqual(gist(tableAfter(steps)), gist(tableAfter([book.whole(node).commands])));
});

function randomRules(name: string, { below, pick }: Random) {
  const one = <T>(...of: T[]): T => pick(of);
  const ends = Array.from({ length: below(5) }, () => end(`10.64.${one(17, 18)}.${below(6)}`, { ready: below(4) > 0 }));
  const spec = {
    type: 'LoadBalancer',
    clusterIP: `10.128.0.${name.slice(1)}`,
    ports: [
      { port: one(80, 81), nodePort: one(30080, 30081) + 10 * Number(name.slice(1)), protocol: one('TCP', 'UDP') },
    ],
    sessionAffinity: one('None', 'ClientIP'),
    internalTrafficPolicy: one('Cluster', 'Local'),
    externalTrafficPolicy: one('Cluster', 'Local'),
    ...one<object>({}, { externalIPs: ['192.0.2.9'] }, { loadBalancerSourceRanges: ['192.0.2.0/24'] }),
  };
  const ports = [{ name: '', port: 8080, protocol: spec.ports[0]!.protocol }];
  return serviceRules(service(name, spec, one([], [{ ip: '10.64.0.11' }])), [slice(name, ends, ports)], node);
}

function unable(): string | false {
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  return which('nft') ? false : 'there is no nft on this machine';
}

test('one endpoint more among five thousand services is one rule and few elements', () => {
  const book = new RuleBook();
  for (let i = 0; i < 5_000; i++) book.replace(`shop/s${i}`, rules(`s${i}`, { clusterIP: address(i) }, [second]));
  book.whole(node);
  book.replace('shop/s7', rules('s7', { clusterIP: address(7) }, [second, first]));
  const { commands } = book.take();
  assert.deepEqual(
    commands.map((command) => command.split(' ').slice(0, 2).join(' ')),
    ['flush chain', 'add rule', 'add element', 'add element'],
  );
  book.replace('shop/s7', rules('s7', { clusterIP: address(7) }, [second, end('10.64.18.9')]));
  assert.deepEqual(
    book.take().commands.map((command) => command.split(' ').slice(0, 2).join(' ')),
    ['delete element', 'delete element', 'add element'],
    'one in the place of another is elements only',
  );
  book.replace('shop/s7', rules('s7', { clusterIP: address(7) }, [second, end('10.64.18.9')]));
  assert.deepEqual(book.take().commands, []);
});

test('what two services want stays with the first, and goes to the other when the first is gone', () => {
  const book = new RuleBook();
  const shared = (name: string, clusterIP: string) => rules(name, { clusterIP, externalIPs: ['192.0.2.9'] }, [first]);
  book.replace('shop/a', shared('a', '10.128.0.1'));
  book.replace('shop/b', shared('b', '10.128.0.2'));
  const whole = book.whole(node).commands.join('\n');
  assert.match(whole, /192\.0\.2\.9 \. tcp \. 80 : goto external-\w+\/shop\/a\/tcp\/80/);
  assert.equal(whole.split('10.64.17.2 . 10.64.17.2').length, 2, 'one element for the endpoint of both');
  book.replace('shop/a', undefined);
  const change = book.take().commands.join('\n');
  assert.match(change, /delete element .* service-ports .*192\.0\.2\.9 \. tcp \. 80/);
  assert.match(
    change,
    /add element .* service-ports .*192\.0\.2\.9 \. tcp \. 80 : goto external-\w+\/shop\/b\/tcp\/80/,
  );
  assert.doesNotMatch(change, /hairpin/);
});

test('changes that cancel each other out are none', () => {
  const book = new RuleBook();
  book.replace('shop/a', rules('a', {}, [first]));
  book.whole(node);
  book.replace('shop/b', rules('b', sticky, [second]));
  book.replace('shop/b', undefined);
  assert.deepEqual(book.take().commands, []);
});

test('UDP flows are told with the endpoints that they may lead to, those of a service that is gone with none', () => {
  const book = new RuleBook();
  const udp = (ends: readonly End[]) =>
    serviceRules(
      service('dns', { ports: [{ port: 53, protocol: 'UDP' }] }),
      [slice('dns', ends, [{ name: '', port: 5353, protocol: 'UDP' }])],
      node,
    );
  const told = (flows: ReadonlyMap<string, ReadonlySet<string>>) => [...flows].map(([key, to]) => [key, ...to]);
  book.replace('shop/dns', udp([first, second]));
  assert.deepEqual(told(book.whole(node).flows), [['10.128.0.5 . udp . 53', '10.64.17.2:5353', '10.64.18.2:5353']]);
  book.replace('shop/dns', udp([second]));
  assert.deepEqual(told(book.take().flows), [['10.128.0.5 . udp . 53', '10.64.18.2:5353']]);
  book.replace('shop/dns', undefined);
  assert.deepEqual(told(book.take().flows), [['10.128.0.5 . udp . 53']]);
  assert.equal(book.take().flows.size, 0);
});
