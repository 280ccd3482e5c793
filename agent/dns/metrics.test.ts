import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encode } from 'dns-packet';
import { MetricRegistry } from '../../core/api/prometheus.ts';
import { countDns } from './metrics.ts';

const question = (name: string, type: 'A' | 'AAAA' | 'NAPTR'): Buffer =>
  Buffer.from(encode({ type: 'query', id: 1, questions: [{ name, type }] }));

/** A reply's head: authoritative or not, with a code. */
const reply = (authoritative: boolean, code: number): Buffer => {
  const bytes = Buffer.alloc(12);
  bytes[2] = 0x80 | (authoritative ? 0x04 : 0);
  bytes[3] = code;
  return bytes;
};

test('questions and answers are counted by zone, protocol, type and code', async () => {
  const registry = new MetricRegistry();
  const counts = countDns(registry, 'cluster.local');
  const answers = [reply(true, 0), Promise.resolve(reply(false, 3)), undefined, reply(true, 0)];
  const resolve = counts.counted(() => answers.shift());
  resolve(question('web.default.svc.cluster.local', 'A'), 'udp', '10.64.0.5');
  await resolve(question('example.com', 'AAAA'), 'tcp', '10.64.0.5');
  assert.equal(resolve(question('nobody', 'A'), 'udp', '10.64.0.5'), undefined);
  resolve(question('web.default.svc.cluster.local', 'NAPTR'), 'udp', '10.64.0.5');
  counts.cacheMiss();
  counts.cacheHit(true);
  const text = registry.text();
  const of = (zone: string) => `server="dns://:53",zone="${zone}",view=""`;
  for (const line of [
    `coredns_dns_requests_total{${of('cluster.local.')},proto="udp",family="1",type="A"} 1`,
    `coredns_dns_requests_total{${of('cluster.local.')},proto="udp",family="1",type="other"} 1`,
    `coredns_dns_requests_total{${of('.')},proto="tcp",family="1",type="AAAA"} 1`,
    `coredns_dns_responses_total{${of('cluster.local.')},rcode="NOERROR",plugin=""} 2`,
    `coredns_dns_responses_total{${of('.')},rcode="NXDOMAIN",plugin=""} 1`,
    `coredns_dns_request_duration_seconds_count{${of('cluster.local.')}} 2`,
    'coredns_cache_hits_total{server="dns://:53",type="denial",zones=".",view=""} 1',
    'coredns_cache_misses_total{server="dns://:53",zones=".",view=""} 1',
  ])
    assert.ok(text.split('\n').includes(line), `${line}\nis not in\n${text}`);
});

test('a message that is cut is of no type', () => {
  const registry = new MetricRegistry();
  const resolve = countDns(registry, 'cluster.local').counted(() => reply(false, 1));
  for (const length of [0, 12, 14]) resolve(question('web', 'A').subarray(0, length), 'udp', '10.64.0.5');
  assert.match(registry.text(), /coredns_dns_requests_total\{[^}]*type="other"\} 3/);
});
