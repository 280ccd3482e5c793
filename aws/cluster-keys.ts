// What a cluster's functions are told by its SSM parameters: its keys, its URL, the version of its agents. The keys are
// SecureStrings, encrypted by SSM under the stack's own KMS key; one call reads all when a function is cold.
// https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-securestring.html
import type { KeyPair } from '../core/api/cluster-certificates.ts';
import { StatusError } from '../core/api/errors.ts';
import type { CoreClients } from './core-clients.ts';
import { parameters } from './names.ts';

/** PEM and base64 texts. */
export interface ClusterKeys {
  ca: KeyPair;
  /** Signs service account tokens (PKCS 8, EC P-256). */
  serviceAccountKey: string;
  /** What the control plane shows to the agents. */
  nodeClient: KeyPair;
  /** What secrets at rest are encrypted with (AES-GCM, 256 bit); the first one writes, all read. */
  encryption: readonly EncryptionSecret[];
}

export interface EncryptionSecret {
  id: string;
  /** 32 bytes, base64. */
  key: string;
}

export interface Cluster {
  keys: ClusterKeys;
  /** `https://.../STAGE`, without a slash at the end. */
  apiUrl: string;
  /** The version of the agent that workers should run. */
  agentVersion: string;
}

/** Throws ServiceUnavailable, naming what is missing, until the deployment has made it. `prefix`: `/slipway/NAME`. */
export async function loadCluster(clients: CoreClients, prefix: string): Promise<Cluster> {
  return clusterOf(await readParameters(clients, prefix), prefix);
}

/** Values by their name below the prefix. */
export async function readParameters(clients: CoreClients, prefix: string): Promise<ReadonlyMap<string, string>> {
  const { GetParametersByPathCommand } = await import('./sdk/ssm.ts');
  const ssm = await clients.ssm();
  const found = new Map<string, string>();
  let next: string | undefined;
  do {
    const page = await ssm.send(
      new GetParametersByPathCommand({
        Path: prefix,
        Recursive: true,
        WithDecryption: true,
        ...(next ? { NextToken: next } : {}),
      }),
    );
    for (const { Name = '', Value = '' } of page.Parameters ?? []) found.set(Name.slice(prefix.length + 1), Value);
    next = page.NextToken;
  } while (next);
  return found;
}

export function clusterOf(found: ReadonlyMap<string, string>, prefix: string): Cluster {
  const value = (name: string): string => {
    const text = found.get(name);
    if (!text) {
      throw new StatusError(
        'ServiceUnavailable',
        `the cluster is not set up: SSM parameter ${prefix}/${name} is missing. Deploying the stack makes it`,
      );
    }
    return text;
  };
  return {
    keys: {
      ca: readPair(value(parameters.authority), parameters.authority),
      serviceAccountKey: value(parameters.serviceAccountKey),
      nodeClient: readPair(value(parameters.nodeClient), parameters.nodeClient),
      encryption: readEncryption(value(parameters.encryption)),
    },
    apiUrl: value(parameters.apiUrl).replace(/\/$/, ''),
    agentVersion: value(parameters.agentVersion),
  };
}

const unreadable = (name: string): StatusError =>
  new StatusError('ServiceUnavailable', `the cluster is not set up: SSM parameter ${name} cannot be read`);

function parse(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw unreadable(name);
  }
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

/** Throws ServiceUnavailable for a text that is no pair. */
export function readPair(text: string, name: string): KeyPair {
  const { certificate, key } = (parse(text, name) ?? {}) as Partial<KeyPair>;
  if (!isText(certificate) || !isText(key)) throw unreadable(name);
  return { certificate, key };
}

function readEncryption(text: string): EncryptionSecret[] {
  const keys = parse(text, parameters.encryption) as Partial<EncryptionSecret>[];
  const good = Array.isArray(keys) && keys.length > 0 && keys.every((key) => isText(key?.id) && isText(key?.key));
  if (!good) throw unreadable(parameters.encryption);
  return keys as EncryptionSecret[];
}

/** One plain parameter by its whole name, which those may read who may not read the keys. undefined: there is none. */
export async function readParameter(clients: CoreClients, name: string): Promise<string | undefined> {
  const { GetParameterCommand } = await import('./sdk/ssm.ts');
  try {
    const { Parameter } = await (await clients.ssm()).send(new GetParameterCommand({ Name: name }));
    return Parameter?.Value;
  } catch (error) {
    if ((error as Error).name === 'ParameterNotFound') return undefined;
    throw error;
  }
}
