// The cluster's own certificates and keys, in `<data directory>/pki`: made at the first start, renewed at a later one when
// they run out. All files are readable by their owner only. Layout and subjects follow
// https://kubernetes.io/docs/setup/best-practices/certificates/
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KeyPair, Leaf, Making } from '../core/api/cluster-certificates.ts';
import { makeAuthority, makeLeaf, newPrivateKey, nodeClientLeaf } from '../core/api/cluster-certificates.ts';
import { stillGood } from '../host/certificate-check.ts';
import { randomIds } from '../host/ports.ts';
import { writePrivately } from './private-file.ts';

export interface Pki {
  directory: string;
  ca: KeyPair;
  /** What the API is served with. */
  server: KeyPair;
  /** `kubernetes-admin` in system:masters. */
  admin: KeyPair;
  /** What the control plane shows to the agents: `kube-apiserver-kubelet-client`. */
  nodeClient: KeyPair;
  /** Signs service account tokens (PKCS 8, EC P-256). */
  serviceAccountKey: string;
}

export interface PkiOptions {
  /** Made if it is missing. */
  directory: string;
  clusterName: string;
  /** DNS names and addresses that the API is reached by. */
  serverNames: readonly string[];
  nowMs: number;
}

export async function ensurePki(options: PkiOptions): Promise<Pki> {
  const { directory, clusterName, nowMs } = options;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const making: Making = { nowMs, randomBytes: (length) => randomIds.bytes(length) };
  const ca = readPair(directory, 'ca') ?? savePair(directory, 'ca', await makeAuthority(clusterName, making));
  const pair = async (file: string, leaf: Leaf): Promise<KeyPair> => {
    const found = readPair(directory, file);
    if (found && stillGood(found, ca.certificate, leaf, nowMs)) return found;
    return savePair(directory, file, await makeLeaf(ca, leaf, making));
  };
  return {
    directory,
    ca,
    server: await pair('apiserver', { commonName: 'kube-apiserver', names: options.serverNames }),
    admin: await pair('admin', { commonName: 'kubernetes-admin', organization: 'system:masters' }),
    nodeClient: await pair('apiserver-kubelet-client', nodeClientLeaf),
    serviceAccountKey: await ensureServiceAccountKey(directory),
  };
}

export const certificateFile = (directory: string, name: string): string => join(directory, `${name}.crt`);
export const keyFile = (directory: string, name: string): string => join(directory, `${name}.key`);

function readPair(directory: string, name: string): KeyPair | undefined {
  const [certificate, key] = [certificateFile(directory, name), keyFile(directory, name)];
  if (!existsSync(certificate) || !existsSync(key)) return undefined;
  return { certificate: readFileSync(certificate, 'utf8'), key: readFileSync(key, 'utf8') };
}

function savePair(directory: string, name: string, pair: KeyPair): KeyPair {
  writePrivately(keyFile(directory, name), pair.key);
  writePrivately(certificateFile(directory, name), pair.certificate);
  return pair;
}

async function ensureServiceAccountKey(directory: string): Promise<string> {
  const file = keyFile(directory, 'sa');
  if (existsSync(file)) return readFileSync(file, 'utf8');
  const key = await newPrivateKey();
  writePrivately(file, key);
  return key;
}
