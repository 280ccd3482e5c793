// A node's own DNS server: it answers the node's pods on the cluster DNS address, which every node has, so that no deployment
// has to run, and a question never leaves its node for the cluster's names.
import { setTimeout as sleep } from 'node:timers/promises';
import type { MetricRegistry } from '../../core/api/prometheus.ts';
import type { Log } from '../../core/ports.ts';
import type { NetworkObjects } from '../net/network-objects.ts';
import { haveAddress } from '../net/own-address.ts';
import { AnswerCache } from './cache.ts';
import { ClientRates, defaultRate } from './client-rates.ts';
import { Forwarder } from './forwarder.ts';
import { countDns } from './metrics.ts';
import { addressRange } from './names.ts';
import { createResolver, type Resolve } from './resolver.ts';
import { ServiceIndex } from './service-index.ts';
import { startTcpServer } from './tcp-server.ts';
import { type ServerDeps, startUdpServer } from './udp-server.ts';
import { upstreamServers } from './upstream-servers.ts';

const dnsPort = 53;
const cacheBytes = 2 * 1024 * 1024;
const retryMs = 2000;

export interface NodeDnsConfig {
  clusterDns: readonly string[];
  clusterDomain: string;
  /** Ranges of pods and services. */
  clusterRanges: readonly string[];
  /** The node's own resolv.conf. */
  resolvConf: string;
}

export interface NodeDnsDeps {
  config: NodeDnsConfig;
  objects: NetworkObjects;
  /** Whether the node has seen all services. */
  complete(): boolean;
  metrics: MetricRegistry;
  log: Log;
  /** Writes an event about the node. */
  tell(type: 'Warning', reason: string, message: string): void;
}

function nodeResolver({ config, objects, complete, metrics, log, tell }: NodeDnsDeps): Resolve {
  const counts = countDns(metrics, config.clusterDomain.toLowerCase());
  const monotonic = (): number => performance.now();
  const limited = (client: string): void => {
    const message = `${client} asks DNS more often than ${defaultRate.perSecond} times a second and is not answered`;
    log('warn', 'DNS questions of a client are left out', { client });
    tell('Warning', 'DNSRateLimited', message);
  };
  const resolve = createResolver({
    rates: new ClientRates(defaultRate, monotonic, limited),
    zone: {
      domain: config.clusterDomain.toLowerCase(),
      servers: config.clusterDns,
      objects,
      index: new ServiceIndex(objects),
    },
    ranges: config.clusterRanges.map(addressRange),
    complete,
    forwarder: new Forwarder({
      servers: upstreamServers(config.resolvConf, config.clusterDns, monotonic),
      cache: new AnswerCache(cacheBytes, monotonic),
      counts,
      log,
    }),
    random: Math.random,
    log,
  });
  return counts.counted(resolve);
}

async function listen(address: string, shared: Pick<ServerDeps, 'resolve' | 'log'>): Promise<void> {
  await haveAddress(address);
  const at = { ...shared, address, port: dnsPort };
  const udp = await startUdpServer(at);
  await startTcpServer(at).catch((error: unknown) => {
    udp.close();
    throw error;
  });
}

/** For as long as the process lives. Tries in the background until it can: a node without DNS still runs its pods. */
export function startNodeDns(deps: NodeDnsDeps): void {
  const { config, log, tell } = deps;
  const shared = { resolve: nodeResolver(deps), log };
  const insist = async (address: string): Promise<void> => {
    for (let tries = 0; ; tries++) {
      try {
        await listen(address, shared);
        return log('info', 'DNS answers', { address });
      } catch (error) {
        const { message } = error as Error;
        if (tries === 0) log('error', 'DNS does not answer', { address, error: message });
        if (tries === 0) tell('Warning', 'DNSFailed', `The node does not answer DNS on ${address}: ${message}`);
        await sleep(retryMs);
      }
    }
  };
  for (const address of config.clusterDns) void insist(address);
}
