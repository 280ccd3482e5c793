// The parameters of a cluster that its workers may read (aws/names.ts): by name, since their role may read no others.
import { GetParametersCommand, SSMClient } from '@aws-sdk/client-ssm';
import { parameters } from './names.ts';

export interface WorkerParameters {
  apiUrl: string;
  /** PEM. */
  ca: string;
}

export interface BundleLocation {
  version: string;
  bucket: string;
  key: string;
  /** Hex, of the file. */
  sha256: string;
}

async function read(client: SSMClient, prefix: string, names: readonly string[]): Promise<string[]> {
  const paths = names.map((name) => `${prefix}/${name}`);
  const { Parameters = [] } = await client.send(new GetParametersCommand({ Names: paths }));
  return paths.map((path) => {
    const value = Parameters.find(({ Name }) => Name === path)?.Value;
    if (!value)
      throw new Error(`the SSM parameter ${path} is missing: is the stack deployed, and does this role reach it?`);
    return value;
  });
}

const clientOf = (region: string): SSMClient => new SSMClient({ region });

/** Throws an Error that names the parameter that is missing, and what the SDK throws. */
export async function workerParameters(
  region: string,
  prefix: string,
  client = clientOf(region),
): Promise<WorkerParameters> {
  const [apiUrl, ca] = await read(client, prefix, [parameters.apiUrl, parameters.ca]);
  return { apiUrl: apiUrl!.replace(/\/$/, ''), ca: ca! };
}

/** `VERSION s3://BUCKET/KEY SHA256`. Throws an Error for anything else. */
export function parseBundleLocation(line: string): BundleLocation {
  const match = /^(\w[\w.+-]*) s3:\/\/([a-z0-9.-]+)\/(\S+) ([0-9a-f]{64})$/.exec(line.trim());
  if (!match) throw new Error(`"${line}" does not say where a bundle is: VERSION s3://BUCKET/KEY SHA256`);
  const [, version, bucket, key, sha256] = match;
  return { version: version!, bucket: bucket!, key: key!, sha256: sha256! };
}

export async function bundleLocation(
  region: string,
  prefix: string,
  client = clientOf(region),
): Promise<BundleLocation> {
  const [line] = await read(client, prefix, [parameters.agentBundle]);
  return parseBundleLocation(line!);
}
