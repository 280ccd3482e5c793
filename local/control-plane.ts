// Composition root of the control plane: store, API, controllers, scheduler, doorbells and the TLS listener in one process.
import { join } from 'node:path';
import { processMetrics } from '../agent/process-metrics.ts';
import { importPrivateKey, importSigningKey, standardServerNames } from '../core/api/cluster-certificates.ts';
import { MetricRegistry } from '../core/api/prometheus.ts';
import { firstAddress } from '../core/api/service-range.ts';
import { createAccess } from '../core/apiserver/access-control.ts';
import type { DefaultTolerations } from '../core/apiserver/admit/default-tolerations.ts';
import { createApiServer } from '../core/apiserver/app.ts';
import { bootstrap } from '../core/apiserver/bootstrap.ts';
import { nodesToRing } from '../core/apiserver/nodes/doorbells.ts';
import type { ApiServer } from '../core/apiserver/server.ts';
import type { Client } from '../core/client/client.ts';
import { httpClient } from '../core/client/http.ts';
import { Informers } from '../core/client/informers.ts';
import { startControllers } from '../core/controllers/start.ts';
import { withSharedReads } from '../core/hosting/shared-reads.ts';
import type { Log, Ports } from '../core/ports.ts';
import { startScheduler } from '../core/scheduler/start.ts';
import { Hub } from '../core/store/hub.ts';
import type { Store } from '../core/store/store.ts';
import { withEncryption } from '../core/store/transform.ts';
import type { NodeConnections } from '../host/node-dialer.ts';
import { createNodeDialer } from '../host/node-dialer.ts';
import { randomIds, systemClock } from '../host/ports.ts';
import { serverVersion } from '../host/version.ts';
import type { ControlPlaneConfig, ControlPlaneFiles, ListenAddress } from './config.ts';
import { startDoorbells } from './doorbell.ts';
import { ensureEncryptionKeys } from './encryption-keys.ts';
import { startCompaction } from './lmdb/schedule.ts';
import { openLmdbStore } from './lmdb/store.ts';
import type { Pki } from './pki.ts';
import { certificateFile, ensurePki, keyFile } from './pki.ts';
import { stackOf, startListener } from './serving/listener.ts';
import { spliceToAgent } from './serving/upgrade.ts';

/** What is stored encrypted. */
const secretResources: ReadonlySet<string> = new Set(['secrets']);

export interface ControlPlane {
  /** As bound. */
  addresses: readonly ListenAddress[];
  files: ControlPlaneFiles;
  /** Ends watches, then connections, then the store. */
  stop(): Promise<void>;
}

/** Each pod brings several, and hardly anybody looks at them. */
const seldomRead: ReadonlySet<string> = new Set(['events']);

/** How long open connections may take to end at a stop. */
const drainMs = 2_000;

/** Throws PortInUse, DataDirectoryInUse, DataDirectoryNewer. Resolves once requests are answered. */
export async function startControlPlane(config: ControlPlaneConfig, log: Log): Promise<ControlPlane> {
  const ports: Ports = { clock: systemClock, ids: randomIds, log };
  const undo: (() => Promise<unknown> | unknown)[] = [];
  const stop = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) {
      // One part that cannot be stopped keeps nothing from the store's clean end.
      try {
        await step();
      } catch (error) {
        log('error', 'stop-failed', { error: stackOf(error) });
      }
    }
  };
  try {
    const pki = await preparePki(config);
    const { store, compact } = await openStore(config);
    undo.push(() => store.close());
    undo.push(startCompaction(compact, ports));
    const hub = new Hub(store);
    const nodes = createNodeDialer({
      ca: pki.ca.certificate,
      certificate: pki.nodeClient.certificate,
      key: pki.nodeClient.key,
    });
    undo.push(() => nodes.close());
    const metrics = new MetricRegistry();
    const { api, doorbells } = await startApi(config, { ports, store, hub, nodes, pki, metrics });
    const work = startWork(api, (client) => withSharedReads(client, store, hub), { ports, pki, metrics, config });
    undo.push(() => work.stop());
    undo.push(await doorbells());
    const listener = await startListener({
      listen: config.listen,
      certificate: pki.server.certificate,
      key: pki.server.key,
      clientCa: pki.ca.certificate,
      api,
      splice: (tunnel, request, socket, head) => spliceToAgent(nodes, tunnel, request, socket, head),
      log,
    });
    undo.push(async () => {
      const closed = listener.close(drainMs);
      api.close();
      hub.close();
      await closed;
    });
    return { addresses: listener.addresses, files: filesOf(pki), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function preparePki(config: ControlPlaneConfig): Promise<Pki> {
  const hosts = config.listen.map(({ host }) => host).filter((host) => host !== '0.0.0.0' && host !== '::');
  const serverNames = new Set([
    ...standardServerNames(config.clusterDomain, firstAddress(config.serviceCidr)),
    ...hosts,
    config.advertise.host,
    ...(config.certificateNames ?? []),
  ]);
  return ensurePki({
    directory: join(config.dataDirectory, 'pki'),
    clusterName: config.name,
    serverNames: [...serverNames],
    nowMs: systemClock.now(),
  });
}

const filesOf = ({ directory }: Pki): ControlPlaneFiles => ({
  ca: certificateFile(directory, 'ca'),
  adminCertificate: certificateFile(directory, 'admin'),
  adminKey: keyFile(directory, 'admin'),
});

async function openStore(config: ControlPlaneConfig): Promise<{ store: Store; compact(): Promise<void> }> {
  const [first, ...more] = await ensureEncryptionKeys(join(config.dataDirectory, 'pki', 'encryption.json'));
  const driver = await openLmdbStore({
    directory: join(config.dataDirectory, 'store'),
    now: () => systemClock.now(),
    seldomRead,
    ...(config.changeLog ? { limits: config.changeLog } : {}),
  });
  const store = withEncryption(driver, {
    resources: secretResources,
    keys: [first!, ...more],
    randomBytes: (length) => randomIds.bytes(length),
  });
  return { store, compact: () => driver.compact() };
}

interface ApiParts {
  ports: Ports;
  store: Store;
  hub: Hub;
  nodes: NodeConnections;
  pki: Pki;
  metrics: MetricRegistry;
}

async function startApi(config: ControlPlaneConfig, { ports, store, hub, nodes, pki, metrics }: ApiParts) {
  metrics.read(() => processMetrics(serverVersion.gitVersion));
  const access = await createAccess({
    ...ports,
    store,
    signingKeys: [await importSigningKey(pki.serviceAccountKey)],
    issuers: [`https://kubernetes.default.svc.${config.clusterDomain}`],
    // By address, as kube-apiserver says it: who checks tokens may have no cluster DNS.
    jwksUri: `${urlOf(config.advertise)}/openid/v1/jwks`,
    defaultTolerations: tolerationsOf(config),
  });
  const server = config.listen[0];
  await bootstrap(
    { store, ...ports },
    {
      endpoint: { ip: config.advertise.host, port: config.advertise.port },
      serviceIp: firstAddress(config.serviceCidr),
      dnsIp: config.clusterDns,
      serviceCidrs: [config.serviceCidr],
      ...(server ? { clusterInfo: { server: urlOf(server), caPem: pki.ca.certificate } } : {}),
    },
  );
  const api = createApiServer({
    ...ports,
    ...access,
    store,
    hub,
    nodes,
    services: { cidr: config.serviceCidr },
    metrics,
    version: serverVersion,
  });
  const doorbells = () =>
    startDoorbells({
      store,
      hub,
      clock: ports.clock,
      log: ports.log,
      ring: (node) => nodes.ring(node),
      async nodesOf(resource, changes) {
        const pods = await access.lister.view('pods');
        return changes.flatMap((change) =>
          nodesToRing(resource, change, (_namespace, naming, value) => pods.by(naming, value)),
        );
      },
    });
  return { api, doorbells };
}

export const urlOf = ({ host, port }: ListenAddress): string =>
  `https://${host.includes(':') ? `[${host}]` : host}:${port}`;

const graceMsOf = ({ settings }: ControlPlaneConfig): number | undefined =>
  settings?.nodeMonitorGracePeriod && settings.nodeMonitorGracePeriod * 1000;

const tolerationsOf = ({ settings = {} }: ControlPlaneConfig): DefaultTolerations => ({
  notReadySeconds: settings.defaultNotReadyTolerationSeconds,
  unreachableSeconds: settings.defaultUnreachableTolerationSeconds,
});

/** Everything that watches and acts goes through the API like any other client, without a socket between. */
function startWork(
  api: ApiServer,
  sharing: (client: Client) => Client,
  { ports, pki, metrics, config }: { ports: Ports; pki: Pki; metrics: MetricRegistry; config: ControlPlaneConfig },
): { stop(): Promise<void> } {
  const clientOf = (component: string): Client => {
    const certificate = { commonName: `system:${component}`, organizations: ['system:masters'], fingerprint: '' };
    const options = {
      baseUrl: 'https://kubernetes.default.svc',
      fetch: (request: Request) => api.fetch(request, { certificate }),
      userAgent: component,
    };
    return sharing(httpClient(options));
  };
  const controllersClient = clientOf('kube-controller-manager');
  const informers = new Informers(controllersClient, ports);
  informers.start();
  const controllers = startControllers({
    client: controllersClient,
    ports,
    informers,
    metrics,
    rootCa: pki.ca.certificate,
    nodeMonitorGraceMs: graceMsOf(config),
    balanceByNodes: true,
    signCertificate: async ({ csrPem, usages, durationSeconds }) => {
      const { signCertificateRequest } = await import('../core/api/certificates.ts');
      const ca = { certificatePem: pki.ca.certificate, privateKey: await importPrivateKey(pki.ca.key) };
      return await signCertificateRequest(csrPem, { ca, usages, durationSeconds, nowMs: systemClock.now() });
    },
  });
  const scheduler = startScheduler({
    client: clientOf('kube-scheduler'),
    ports,
    informers,
    metrics,
    holdEventsMs: 500,
  });
  const failed = (part: string) => (error: unknown) =>
    ports.log('error', 'part-failed', { part, error: String(error) });
  controllers.synced.catch(failed('controllers'));
  scheduler.synced.catch(failed('scheduler'));
  return {
    async stop() {
      await Promise.all([controllers.stop(), scheduler.stop()]);
      informers.stop();
    },
  };
}
