// The DNS server of an agent, alone, for bench/dns.ts: node dns-server.ts RECORDS.json. Prints its port when it listens.
import { readFileSync } from 'node:fs';
import { AnswerCache } from '../agent/dns/cache.ts';
import { ClientRates } from '../agent/dns/client-rates.ts';
import { Forwarder } from '../agent/dns/forwarder.ts';
import { createResolver } from '../agent/dns/resolver.ts';
import { ServiceIndex } from '../agent/dns/service-index.ts';
import { startUdpServer } from '../agent/dns/udp-server.ts';
import { NetworkCache } from '../agent/net/network-objects.ts';

const records = JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as { name: string; address: string }[];
const objects = new NetworkCache();
const log = (): void => {};
const now = (): number => performance.now();
const resolve = createResolver({
  zone: { domain: 'cluster.local', servers: ['127.0.0.1'], objects, index: new ServiceIndex(objects) },
  ranges: [],
  complete: () => true,
  forwarder: new Forwarder({ servers: () => [], cache: new AnswerCache(0, now), log }),
  // one client asks here for all
  rates: new ClientRates({ perSecond: Number.MAX_SAFE_INTEGER, burst: Number.MAX_SAFE_INTEGER }, now, () => {}),
  random: Math.random,
  log,
});
const services = records.map(({ name, address }) => {
  const [own = '', namespace = ''] = name.split('.');
  const metadata = { name: own, namespace, uid: name, resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' };
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata,
    spec: { clusterIP: address, clusterIPs: [address], ports: [{ port: 80 }] },
  };
});
objects.apply({ services, endpointSlices: [], deletedServices: [], deletedEndpointSlices: [] }, true);
const server = await startUdpServer({ address: '127.0.0.1', port: 0, resolve, log });
console.log(server.port);
