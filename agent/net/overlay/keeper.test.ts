import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import type { NetworkChanges } from '../../../core/api/node-sync.ts';
import { NetworkCache } from '../network-objects.ts';
import { OverlayKeeper } from './keeper.ts';

const folder = mkdtempSync(join(tmpdir(), 'slipway-overlay-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const plan = { address: '10.0.1.23', network: '100.64.0.0/10', nodeBlocks: ['10.0.0.0/16'], mtu: 8951 };
const nothing: NetworkChanges = { services: [], endpointSlices: [], deletedServices: [], deletedEndpointSlices: [] };

/** A keeper whose programs the test answers for, and whose timers it moves. */
function keeper(t: TestContext, standing: string[] = []) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const network = new NetworkCache();
  const lines: string[] = [];
  const warnings: string[] = [];
  const kernel = { refuses: 0 };
  const overlay = new OverlayKeeper({
    plan,
    peers: network,
    folder,
    log: (level, event) => void (level === 'warn' && warnings.push(event)),
    async run(program, args) {
      if (args.includes('show')) return program === 'bridge' ? JSON.stringify(standing.map((dst) => ({ dst }))) : '[]';
      if (kernel.refuses > 0 && kernel.refuses--) throw new Error('RTNETLINK answers: No buffer space available');
      lines.push(...readFileSync(args.at(-1)!, 'utf8').trim().split('\n'));
      return '';
    },
  });
  t.after(() => overlay.close());
  const tell = async (peers: Record<string, string>, gone: string[] = [], full = false): Promise<string[]> => {
    const told = Object.entries(peers).map(([name, address]) => ({ name, address }));
    network.apply({ ...nothing, peers: told, deletedPeers: gone }, full);
    await overlay.settled();
    return lines.splice(0);
  };
  return { overlay, network, lines, warnings, kernel, tell };
}

const routes = (lines: string[]): string[] =>
  lines.filter((line) => line.startsWith('route') && !/unreachable/.test(line));

test('the link stands at once; peers come and go as they are told', async (t) => {
  const { overlay, lines, tell } = keeper(t);
  await overlay.settled();
  assert.ok(lines.splice(0).includes('route replace unreachable 100.64.0.0/10'));
  const first = await tell({ self: '10.0.1.23', a: '10.0.0.5' }, [], true);
  assert.deepEqual(routes(first), [
    'route replace 100.64.1.64/26 via 100.64.1.65 dev slipway-pods src 100.64.69.193 onlink',
  ]);
  assert.equal(first.filter((line) => /^fdb|^neigh/.test(line)).length, 2);
  assert.deepEqual(routes(await tell({ b: '10.0.0.6' })), [
    'route replace 100.64.1.128/26 via 100.64.1.129 dev slipway-pods src 100.64.69.193 onlink',
  ]);
  assert.deepEqual(await tell({ b: '10.0.0.6' }), []);
  assert.deepEqual(routes(await tell({}, ['a'])), ['route del 100.64.1.64/26 dev slipway-pods']);
});

test('an address that two nodes have stays until both are gone', async (t) => {
  const { tell } = keeper(t);
  await tell({ before: '10.0.0.5' }, [], true);
  assert.deepEqual(await tell({ after: '10.0.0.5' }), []);
  assert.deepEqual(await tell({}, ['before']), []);
  assert.equal(routes(await tell({}, ['after'])).length, 1);
});

test('what an earlier agent left stays until the nodes are known, and goes then', async (t) => {
  const { overlay, lines, tell } = keeper(t, ['10.0.0.5', '10.0.0.9']);
  await overlay.settled();
  assert.deepEqual(routes(lines.splice(0)), []);
  const first = routes(await tell({ a: '10.0.0.5' }, [], true));
  assert.deepEqual(
    first.map((line) => line.split(' ').slice(0, 3).join(' ')),
    ['route replace 100.64.1.64/26', 'route del 100.64.2.64/26'],
  );
});

test('what the kernel refuses is said, and tried again from the beginning', async (t) => {
  const { overlay, kernel, tell, warnings, lines } = keeper(t);
  await overlay.settled();
  lines.splice(0);
  kernel.refuses = 1;
  assert.deepEqual(await tell({ a: '10.0.0.5' }, [], true), []);
  assert.equal(warnings.length, 1);
  t.mock.timers.tick(5_000);
  await overlay.settled();
  assert.equal(routes(lines.splice(0)).length, 1);
  // and looked at again after some minutes, though nothing was told
  t.mock.timers.tick(300_000);
  await overlay.settled();
  assert.equal(routes(lines.splice(0)).length, 1);
});
