// Makes what a cluster's parameters lack. A key that stands is never replaced: what it signed or encrypted would be lost. Only
// the certificate towards agents is renewed, before it runs out.
import type { PutParameterCommandInput } from '@aws-sdk/client-ssm';
import {
  type KeyPair,
  makeAuthority,
  makeLeaf,
  newPrivateKey,
  nodeClientLeaf,
} from '../core/api/cluster-certificates.ts';
import type { Ids } from '../core/ports.ts';
import { type Cluster, clusterOf, readPair, readParameters } from './cluster-keys.ts';
import type { CoreClients } from './core-clients.ts';
import { parameters } from './names.ts';

export interface KeySetup {
  clients: CoreClients;
  /** `/slipway/NAME`. */
  prefix: string;
  clusterName: string;
  nowMs: number;
  ids: Ids;
  /** KMS key (ARN) that SSM encrypts the parameters with; the account's own key for SSM if absent. */
  kmsKey: string | undefined;
  /** Whether a client certificate need not be renewed yet. */
  stillGood(pair: KeyPair, authorityPem: string): boolean;
}

type Values = Map<string, string>;

/** Resolves with the whole, as functions will read it. Throws ServiceUnavailable when the stack has not written its own part. */
export async function ensureClusterKeys(setup: KeySetup): Promise<Cluster> {
  const { clients, prefix, clusterName, nowMs, ids } = setup;
  const values: Values = new Map(await readParameters(clients, prefix));
  const making = { nowMs, randomBytes: (length: number) => ids.bytes(length) };
  const made = (name: string, make: () => Promise<string>) => standing(setup, values, name, make);
  const caText = await made(parameters.authority, async () => JSON.stringify(await makeAuthority(clusterName, making)));
  const ca = readPair(caText, parameters.authority);
  await made(parameters.serviceAccountKey, newPrivateKey);
  await made(parameters.encryption, async () => JSON.stringify([newEncryptionSecret(ids)]));
  const newClient = async () => JSON.stringify(await makeLeaf(ca, nodeClientLeaf, making));
  const client = await made(parameters.nodeClient, newClient);
  if (!setup.stillGood(readPair(client, parameters.nodeClient), ca.certificate)) {
    await put(setup, values, {
      Name: parameters.nodeClient,
      Value: await newClient(),
      ...secret(setup),
      Overwrite: true,
    });
  }
  if (values.get(parameters.ca) !== ca.certificate) {
    await put(setup, values, { Name: parameters.ca, Value: ca.certificate, Type: 'String', Overwrite: true });
  }
  return clusterOf(values, prefix);
}

const newEncryptionSecret = (ids: Ids) => ({
  id: Buffer.from(ids.bytes(4)).toString('hex'),
  key: Buffer.from(ids.bytes(32)).toString('base64'),
});

const secret = ({ kmsKey }: KeySetup) =>
  ({ Type: 'SecureString', ...(kmsKey ? { KeyId: kmsKey } : {}) }) as const satisfies Partial<PutParameterCommandInput>;

/** The value that stands, or a new one. Of two setups at once the first one's value counts for both. */
async function standing(setup: KeySetup, values: Values, name: string, make: () => Promise<string>): Promise<string> {
  const found = values.get(name);
  if (found) return found;
  try {
    return await put(setup, values, { Name: name, Value: await make(), ...secret(setup), Overwrite: false });
  } catch (error) {
    if ((error as Error).name !== 'ParameterAlreadyExists') throw error;
    const theirs = (await readParameters(setup.clients, setup.prefix)).get(name);
    if (!theirs) throw error;
    values.set(name, theirs);
    return theirs;
  }
}

type Put = Omit<PutParameterCommandInput, 'Name' | 'Value'> & { Name: string; Value: string };

async function put({ clients, prefix }: KeySetup, values: Values, { Name, Value, ...how }: Put): Promise<string> {
  const { PutParameterCommand } = await import('./sdk/ssm.ts');
  // An account may have another tier as its default, which costs by the month.
  // https://docs.aws.amazon.com/systems-manager/latest/userguide/ps-default-tier.html
  const command = new PutParameterCommand({ Name: `${prefix}/${Name}`, Value, Tier: 'Standard', ...how });
  await (await clients.ssm()).send(command);
  values.set(Name, Value);
  return Value;
}

/** Removes what ensureClusterKeys made. Secrets at rest, and tokens, are worth nothing after that. */
export async function deleteClusterKeys(clients: CoreClients, prefix: string): Promise<void> {
  const { DeleteParametersCommand } = await import('./sdk/ssm.ts');
  const { authority, serviceAccountKey, nodeClient, encryption, ca } = parameters;
  const names = [authority, serviceAccountKey, nodeClient, encryption, ca].map((name) => `${prefix}/${name}`);
  await (await clients.ssm()).send(new DeleteParametersCommand({ Names: names }));
}
