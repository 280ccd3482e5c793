// The service `kubernetes` on a node of a cluster whose API stands behind API Gateway: that is known by a host name of its own and
// serves below a path, so pods cannot be sent to it by address. The node answers on the service's address with a certificate of
// the cluster's authority, and passes requests on. https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/
import { Agent as PlainAgent } from 'node:http';
import { Agent, createServer, type Server } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../../core/ports.ts';
import type { KeyAndCertificate } from '../identity.ts';
import { haveAddress } from '../net/own-address.ts';
import { pass } from './passing.ts';

const retryMs = 2000;
/** Of all pods together: a watch has one each, and this process has other things to do than to keep connections. */
const maxConnections = 2000;
const idleConnectionMs = 75_000;
/** Kept open towards the API while nobody asks. */
const maxIdle = 8;

export interface PodApiDeps {
  /** The service's, and the port that its endpoint has. */
  address: string;
  port: number;
  apiUrl: string;
  certificate(): KeyAndCertificate;
  /** Calls back when the certificate was renewed. */
  onRenewal(callback: () => void): void;
  log: Log;
}

/** Resolves once it listens; rejects when the port is taken. */
export async function servePodApi(deps: PodApiDeps): Promise<Server> {
  const { address, port, apiUrl, certificate, onRenewal, log } = deps;
  const url = new URL(apiUrl);
  const pooled = { keepAlive: true, maxFreeSockets: maxIdle };
  const agent = url.protocol === 'http:' ? new PlainAgent(pooled) : new Agent(pooled);
  // An upgrade of a connection does not pass API Gateway: without a listener for it, it is a request like any other.
  const server = createServer(certificate(), (incoming, response) => pass(incoming, response, { url, agent, log }));
  server.maxConnections = maxConnections;
  server.keepAliveTimeout = idleConnectionMs;
  server.requestTimeout = 0; // an upload may be slow
  server.on('tlsClientError', () => undefined);
  server.on('close', () => agent.destroy());
  onRenewal(() => server.setSecureContext(certificate()));
  await new Promise<void>((resolve, reject) =>
    server.once('error', reject).listen(port, address, () => {
      server.off('error', reject);
      resolve();
    }),
  );
  return server;
}

/**
 * For as long as the process lives. The address is taken on first: until somebody listens there, a pod is refused at once.
 * @param ready resolves when there is a certificate
 */
export async function startPodApi(deps: PodApiDeps, ready: Promise<void>): Promise<void> {
  const { address, port, log } = deps;
  const insist = async (what: string, step: () => Promise<unknown>): Promise<void> => {
    for (let tries = 0; ; tries++) {
      try {
        await step();
        return;
      } catch (error) {
        if (tries === 0) log('error', what, { address, error: (error as Error).message });
        await sleep(retryMs);
      }
    }
  };
  await insist('the address of the service kubernetes was not taken on', () => haveAddress(address));
  await ready;
  await insist('pods do not find the API', () => servePodApi(deps));
  log('info', 'pods find the API', { address, port });
}
