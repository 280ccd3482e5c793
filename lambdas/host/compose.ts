// Composition root of every function that holds the API: store, access, API and clients, once for each process. Nothing is
// listed and no default object is written here (setup does that): a cold function begins with one call for its parameters.

import { type Cluster, type ClusterKeys, loadCluster } from '../../aws/cluster-keys.ts';
import { type CoreClients, coreClients } from '../../aws/core-clients.ts';
import { importSigningKey } from '../../core/api/cluster-certificates.ts';
import { createAccess } from '../../core/apiserver/access-control.ts';
import { createApiServer } from '../../core/apiserver/app.ts';
import type { Lister } from '../../core/apiserver/lister.ts';
import type { ApiServer } from '../../core/apiserver/server.ts';
import type { Client } from '../../core/client/client.ts';
import { httpClient } from '../../core/client/http.ts';
import type { Clock, Ids, Log, Ports } from '../../core/ports.ts';
import { Hub } from '../../core/store/hub.ts';
import type { Store } from '../../core/store/store.ts';
import { type EncryptionKey, withEncryption } from '../../core/store/transform.ts';
import { randomIds, systemClock } from '../../host/ports.ts';
import { serverVersion } from '../../host/version.ts';
import { allowedFrom } from './allowed-addresses.ts';
import { type Nodes, nodesThroughDialer } from './dialer.ts';
import { type Fetch, iamTokensOf } from './iam.ts';
import { lambdaLog } from './log.ts';
import { meterClients } from './meter.ts';
import { openStore } from './open-store.ts';
import { quietStore } from './quiet-store.ts';
import { type Settings, settingsOf } from './settings.ts';

export interface Composed {
  ports: Ports;
  clients: CoreClients;
  settings: Settings;
  /** Encrypts what is secret on its way to the tables. */
  store: Store;
  hub: Hub;
  /** Changes are followed, by polling, until the function that is returned is called: while a watch is open. */
  follow(): () => void;
  lister: Lister;
  api: ApiServer;
  /** A client of this very process's API, as `system:COMPONENT` in system:masters. */
  clientOf(component: string): Client;
  cluster: Cluster;
  nodes: Nodes;
  /** Seals old gaps of the change log and lets old changes go. */
  tidyUp(): Promise<void>;
}

/** Makes the driver of the store, without encryption. */
export type StoreFactory = (clients: CoreClients, ports: Ports) => Promise<TidyStore>;

export interface TidyStore extends Store {
  /** Absent: there is never anything to tidy. */
  tidyUp?(): Promise<void>;
}

/** What a test, or a function with a clock of its own, puts in the place of the usual parts. */
export interface ComposeOptions {
  env?: Readonly<Record<string, string | undefined>>;
  clock?: Clock;
  ids?: Ids;
  log?: Log;
  clients?: CoreClients;
  openStore?: StoreFactory;
  loadCluster?: (clients: CoreClients, prefix: string) => Promise<Cluster>;
  /** Calls STS. */
  fetch?: Fetch;
}

let composed: Promise<Composed> | undefined;

/**
 * Everything, made at the first call of a process. Throws ServiceUnavailable that says what is missing, and tries again at
 * the next call.
 */
export function compose(options: ComposeOptions = {}): Promise<Composed> {
  if (!composed) {
    const attempt = composeFresh(options);
    composed = attempt;
    attempt.catch(() => {
      if (composed === attempt) composed = undefined;
    });
  }
  return composed;
}

/** The same, made anew at each call. */
export async function composeFresh(options: ComposeOptions = {}): Promise<Composed> {
  const env = options.env ?? process.env;
  const settings = settingsOf(env);
  const ports: Ports = {
    clock: options.clock ?? systemClock,
    ids: options.ids ?? randomIds,
    log: options.log ?? lambdaLog('info'),
  };
  const clients = options.clients ?? coreClients();
  await meterClients(clients, env);
  const [cluster, driver] = await Promise.all([
    (options.loadCluster ?? loadCluster)(clients, settings.parameters),
    (options.openStore ?? openStore)(clients, ports),
  ]);
  const store = quietStore(encrypted(driver, await encryptionKeys(cluster.keys), ports));
  const hub = new Hub(store);
  const nodes = nodesThroughDialer({ clients, settings, keys: cluster.keys, store, log: ports.log });
  const access = await createAccess({
    ...ports,
    store,
    signingKeys: [await importSigningKey(cluster.keys.serviceAccountKey)],
    // The API's own URL, where its keys are published: that is what IAM checks the tokens of workloads by.
    issuers: [cluster.apiUrl],
    tokens: [iamTokensOf(env, store, ports, options.fetch)],
    agentVersion: () => cluster.agentVersion,
  });
  const api = createApiServer({
    ...ports,
    ...access,
    authenticators: allowedFrom(settings.allowedAddresses, access.authenticators),
    store,
    hub,
    nodes,
    services: { cidr: settings.serviceCidr },
    version: serverVersion,
  });
  store.settled();
  const { lister } = access;
  return {
    ports,
    clients,
    settings,
    store,
    hub,
    follow: store.follow,
    lister,
    api,
    clientOf: clientsOf(api),
    tidyUp: async () => driver.tidyUp?.(),
    cluster,
    nodes,
  };
}

/** What is stored encrypted. */
const secretResources: ReadonlySet<string> = new Set(['secrets']);

export const encrypted = (driver: Store, [first, ...more]: readonly EncryptionKey[], { ids }: Ports): Store =>
  withEncryption(driver, {
    resources: secretResources,
    keys: [first!, ...more],
    randomBytes: (length) => ids.bytes(length),
  });

export const encryptionKeys = ({ encryption }: ClusterKeys): Promise<EncryptionKey[]> =>
  Promise.all(
    encryption.map(async ({ id, key }) => ({
      id,
      key: await crypto.subtle.importKey('raw', Buffer.from(key, 'base64'), 'AES-GCM', false, ['encrypt', 'decrypt']),
    })),
  );

/** Through the API like any other client, without a socket between. */
const clientsOf =
  (api: ApiServer) =>
  (component: string): Client => {
    const certificate = { commonName: `system:${component}`, organizations: ['system:masters'], fingerprint: '' };
    return httpClient({
      baseUrl: 'https://kubernetes.default.svc',
      fetch: (request) => api.fetch(request, { certificate }),
      userAgent: component,
    });
  };
