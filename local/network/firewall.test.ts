// What is put into the firewall of a machine, and what is left as it is. test/integration/firewall.test.ts sends packets through it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressPlan } from './addresses.ts';
import {
  iptablesClosings,
  iptablesOpenings,
  nftClosings,
  nftOpenings,
  type Ruleset,
  toMachine,
  wayOut,
} from './firewall.ts';

const plan = addressPlan(2);
const api = toMachine('api', plan, 6443);
const open = '-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n';

const chain = (table: string, name: string, hook: string, policy = 'accept', family = 'inet') => ({
  chain: { family, table, name, type: 'filter', hook, policy },
});
const rule = (table: string, name: string, handle: number, comment?: string) => ({
  rule: { family: 'inet', table, chain: name, handle, ...(comment ? { comment } : {}) },
});

test('a firewall that refuses nothing gets no rule', () => {
  assert.deepEqual(iptablesOpenings('slipway-a', [api, ...wayOut(plan)], open), []);
  const ruleset: Ruleset = { nftables: [chain('filter', 'input', 'input'), chain('filter', 'forward', 'forward')] };
  assert.deepEqual(nftOpenings('slipway-a', [api, ...wayOut(plan)], ruleset), []);
});

test('where packets are refused the control plane is let in, by link, address and port', () => {
  const drops = open.replace('INPUT ACCEPT', 'INPUT DROP');
  assert.deepEqual(iptablesOpenings('slipway-a', [api, ...wayOut(plan)], drops), [
    '-I INPUT -i slipway2 -d 10.66.0.1/32 -p tcp -m tcp --dport 6443 -m comment --comment "slipway-a/api" -j ACCEPT',
  ]);
  const ruleset: Ruleset = {
    nftables: [
      chain('filter', 'input', 'input', 'drop'),
      chain('filter', 'forward', 'forward'),
      rule('filter', 'forward', 4),
      chain('nat', 'input', 'output'),
      chain('six', 'input', 'input', 'drop', 'ip6'),
      chain('filter', 'INPUT', 'input', 'drop', 'ip'),
    ],
  };
  assert.deepEqual(nftOpenings('slipway-a', [api, ...wayOut(plan)], ruleset), [
    'insert rule inet filter input iifname "slipway2" ip daddr 10.66.0.1 tcp dport 6443 accept comment "slipway-a/api"',
    'insert rule inet filter forward iifname "slipway2" accept comment "slipway-a/way-out"',
    'insert rule inet filter forward oifname "slipway2" ct state related,established accept comment "slipway-a/way-back"',
  ]);
});

test('what is open is not opened again, and only the own openings are closed', () => {
  const mine = '-A INPUT -i slipway2 -m comment --comment "slipway-a/api" -j ACCEPT';
  const other = '-A INPUT -i slipway3 -m comment --comment "slipway-ab/api" -j ACCEPT';
  const rules = `-P INPUT DROP\n${mine}\n${other}\n`;
  assert.deepEqual(iptablesOpenings('slipway-a', [api], rules), []);
  assert.deepEqual(iptablesClosings('slipway-a/', rules), [mine.replace('-A', '-D')]);
  const ruleset: Ruleset = {
    nftables: [
      chain('filter', 'input', 'input', 'drop'),
      rule('filter', 'input', 7, 'slipway-a/api'),
      rule('filter', 'input', 8, 'slipway-ab/api'),
      rule('filter', 'input', 9),
    ],
  };
  assert.deepEqual(nftOpenings('slipway-a', [api], ruleset), []);
  assert.deepEqual(nftClosings('slipway-a/', ruleset), ['delete rule inet filter input handle 7']);
});
