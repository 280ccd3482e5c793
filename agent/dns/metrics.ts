// Counts what the node's DNS is asked and what it answers, under CoreDNS' names. Reads what it needs from the messages' bytes, since
// a question costs microseconds. https://coredns.io/plugins/metrics/
import { type Cell, type Distribution, exponentialBuckets, type MetricRegistry } from '../../core/api/prometheus.ts';
import type { Resolve } from './resolver.ts';

const server = 'dns://:53';
const headerBytes = 12;
const authoritativeBit = 0x04;
const rcodeBits = 0x0f;

/** Other types are counted together. */
const types = new Map([
  [1, 'A'],
  [2, 'NS'],
  [5, 'CNAME'],
  [6, 'SOA'],
  [12, 'PTR'],
  [15, 'MX'],
  [16, 'TXT'],
  [28, 'AAAA'],
  [33, 'SRV'],
  [65, 'HTTPS'],
  [255, 'ANY'],
]);
const rcodeNames = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED'];

/** The type of the first question; 0 for a message that is cut. */
function questionType(message: Buffer): number {
  let at = headerBytes;
  while (at < message.length && message[at] !== 0) at += message[at]! + 1;
  return at + 2 < message.length ? message.readUInt16BE(at + 1) : 0;
}

export interface DnsCounts {
  /** Counts each question with its answer. */
  counted(resolve: Resolve): Resolve;
  /** An answer of an upstream server was kept, or was not. */
  cacheHit(denial: boolean): void;
  cacheMiss(): void;
}

/** @param domain what answers with authority are about; all others are counted under "." */
export function countDns(registry: MetricRegistry, domain: string): DnsCounts {
  const requests = registry.counter('coredns_dns_requests_total', 'DNS requests by zone, protocol and type.');
  const responses = registry.counter('coredns_dns_responses_total', 'DNS responses by zone and code.');
  const seconds = registry.histogram(
    'coredns_dns_request_duration_seconds',
    'Time from a request to its response, by zone.',
    exponentialBuckets(0.00025, 2, 16),
  );
  const hits = registry.counter('coredns_cache_hits_total', 'Answers of upstream servers that were kept.');
  const misses = registry.counter('coredns_cache_misses_total', 'Questions that upstream servers had to be asked.');
  const zones = { own: `${domain}.`, other: '.' };
  const cells = new Map<string, { requests: Cell; responses: Cell; seconds: Distribution }>();
  const cellsOf = (zone: string, proto: string, type: string, rcode: string) => {
    const key = `${zone} ${proto} ${type} ${rcode}`;
    let found = cells.get(key);
    if (!found) {
      found = {
        requests: requests.of({ server, zone, view: '', proto, family: '1', type }),
        responses: responses.of({ server, zone, view: '', rcode, plugin: '' }),
        seconds: seconds.of({ server, zone, view: '' }),
      };
      cells.set(key, found);
    }
    return found;
  };
  const note = (message: Buffer, proto: string, reply: Buffer, began: number): void => {
    const zone = reply[2]! & authoritativeBit ? zones.own : zones.other;
    const type = types.get(questionType(message)) ?? 'other';
    const found = cellsOf(zone, proto, type, rcodeNames[reply[3]! & rcodeBits] ?? 'OTHER');
    found.requests.add();
    found.responses.add();
    found.seconds.observe((performance.now() - began) / 1000);
  };
  return {
    counted: (resolve) => (message, proto, client) => {
      const began = performance.now();
      const reply = resolve(message, proto, client);
      if (reply instanceof Promise)
        return reply.then((bytes) => {
          note(message, proto, bytes, began);
          return bytes;
        });
      if (reply) note(message, proto, reply, began);
      return reply;
    },
    cacheHit: (denial) => hits.add({ server, type: denial ? 'denial' : 'success', zones: '.', view: '' }),
    cacheMiss: () => misses.add({ server, zones: '.', view: '' }),
  };
}
