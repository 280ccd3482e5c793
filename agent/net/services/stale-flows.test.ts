import assert from 'node:assert/strict';
import { test } from 'node:test';
import { staleFlows } from './stale-flows.ts';

const flow = (client: number, to: string, port: number, from: string, fromPort: number, more = ''): string =>
  `udp      17 29 src=10.64.17.5 dst=${to} sport=${client} dport=${port} ${more}` +
  `src=${from} dst=10.64.17.5 sport=${fromPort} dport=${client} mark=0 use=1`;

const flows = new Map([
  ['10.128.0.5 . udp . 53', new Set(['10.64.18.2:5353'])],
  ['udp . 30053', new Set(['10.64.18.2:5353'])],
]);
const forget = (to: string, port: number, from: string, fromPort: number): string =>
  `-D -p udp --orig-dst ${to} --orig-port-dst ${port} --reply-src ${from} --reply-port-src ${fromPort}`;
const stale = (...lines: string[]): string[] =>
  staleFlows(lines.join('\n'), flows, '10.64.0.11').map((args) => args.join(' '));

test('a flow to an endpoint that is gone is forgotten, once for all clients; one that may stand is not', () => {
  assert.deepEqual(
    stale(
      flow(1001, '10.128.0.5', 53, '10.64.17.9', 5353),
      flow(1002, '10.128.0.5', 53, '10.64.17.9', 5353, '[UNREPLIED] '),
      flow(1003, '10.128.0.5', 53, '10.64.18.2', 5353, '[ASSURED] '),
      flow(1004, '10.128.0.5', 53, '10.64.18.2', 9999),
    ),
    [forget('10.128.0.5', 53, '10.64.17.9', 5353), forget('10.128.0.5', 53, '10.64.18.2', 9999)],
  );
});

test('a flow that began before the service had endpoints went to the service’s own address', () => {
  assert.deepEqual(stale(flow(1001, '10.128.0.5', 53, '10.128.0.5', 53, '[UNREPLIED] ')), [
    forget('10.128.0.5', 53, '10.128.0.5', 53),
  ]);
});

test('node ports are meant on the node’s own address; what is no service’s is left alone', () => {
  assert.deepEqual(
    stale(
      flow(1001, '10.64.0.11', 30053, '10.64.17.9', 5353),
      flow(1002, '10.64.0.12', 30053, '10.64.17.9', 5353),
      flow(1003, '192.0.2.53', 53, '192.0.2.53', 53),
      'conntrack v1.4.7 (conntrack-tools): 3 flow entries have been shown.',
      '',
    ),
    [forget('10.64.0.11', 30053, '10.64.17.9', 5353)],
  );
});
