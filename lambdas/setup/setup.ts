// Brings a cluster into being at its deployment, and up to date at each later one: keys and certificates, the objects that every
// cluster holds, and one scheduler at a time.

import { deleteClusterKeys, ensureClusterKeys } from '../../aws/cluster-setup.ts';
import { reserveConcurrency } from '../../aws/concurrency.ts';
import type { CoreClients } from '../../aws/core-clients.ts';
import { environment } from '../../aws/names.ts';
import { nodeClientLeaf } from '../../core/api/cluster-certificates.ts';
import { podApiPort } from '../../core/api/pod-api.ts';
import { dnsAddress, firstAddress } from '../../core/api/service-range.ts';
import { bootstrap } from '../../core/apiserver/bootstrap.ts';
import type { Ports } from '../../core/ports.ts';
import { stillGood } from '../../host/certificate-check.ts';
import { encrypted, encryptionKeys, type StoreFactory } from '../host/compose.ts';
import { settingsOf } from '../host/settings.ts';

/** What the CDK Provider framework hands to onEvent: https://docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.custom_resources-readme.html */
export interface SetupEvent {
  RequestType: 'Create' | 'Update' | 'Delete';
  ResourceProperties?: { DeleteKeys?: unknown };
}

export interface SetupAnswer {
  PhysicalResourceId: string;
  Data?: Record<string, string>;
}

export interface SetupParts {
  env: Readonly<Record<string, string | undefined>>;
  clients: CoreClients;
  openStore: StoreFactory;
  ports: Ports;
}

/**
 * Throws an Error that fails the deployment and says why. At a deletion the keys stay, so that the same tables can be used by a
 * new deployment, unless the resource says `DeleteKeys: "true"`.
 */
export async function onEvent(event: SetupEvent, parts: SetupParts): Promise<SetupAnswer> {
  const settings = settingsOf(parts.env);
  const answer = { PhysicalResourceId: settings.parameters };
  if (event.RequestType === 'Delete') {
    const wanted = String(event.ResourceProperties?.DeleteKeys ?? '') === 'true';
    if (wanted) await deleteClusterKeys(parts.clients, settings.parameters);
    return answer;
  }
  const { clients, ports } = parts;
  const nowMs = ports.clock.now();
  const cluster = await ensureClusterKeys({
    clients,
    prefix: settings.parameters,
    clusterName: settings.cluster,
    nowMs,
    ids: ports.ids,
    kmsKey: parts.env[environment.kmsKey] || undefined,
    stillGood: (pair, authorityPem) => stillGood(pair, authorityPem, nodeClientLeaf, nowMs),
  });
  const driver = await parts.openStore(clients, ports);
  try {
    const caPem = cluster.keys.ca.certificate;
    // API Gateway is known by a name, and serves below a path: no address that a pod could be sent to is the API. So each node
    // has the address of the service `kubernetes` itself, and passes on what comes there (agent/pod-api).
    const serviceIp = firstAddress(settings.serviceCidr);
    await bootstrap(
      { store: encrypted(driver, await encryptionKeys(cluster.keys), ports), ...ports },
      {
        serviceIp,
        endpoint: { ip: serviceIp, port: podApiPort },
        dnsIp: dnsAddress(settings.serviceCidr),
        serviceCidrs: [settings.serviceCidr],
        clusterInfo: { server: cluster.apiUrl, caPem, publiclyTrusted: true },
        publicIssuer: true,
      },
    );
  } finally {
    await driver.close();
  }
  await keepOneScheduler(parts);
  return { ...answer, Data: { ApiUrl: cluster.apiUrl } };
}

/** Decision 8. A cluster whose account reserves nothing works without it, so that it is no reason for a deployment to fail. */
async function keepOneScheduler({ env, clients, ports: { log } }: SetupParts): Promise<void> {
  const name = env[environment.scheduler];
  if (!name) return;
  try {
    const reason = await reserveConcurrency(clients, name, 1);
    if (reason !== undefined) log('info', 'schedulers-not-limited', { reason });
  } catch (error) {
    log('warn', 'schedulers-not-limited', { reason: String(error) });
  }
}
