// The cluster's own certificates and keys, in `<data directory>/pki`: made at the first start, renewed at a later one when
// they run out. All files are readable by their owner only. Layout and subjects follow
// https://kubernetes.io/docs/setup/best-practices/certificates/
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writePrivately } from './private-file.ts';

const dayMs = 86_400_000;
const leafDays = 365;
const authorityDays = 3650;
/** A certificate with less left is made anew at a start. */
const renewDays = 60;

/** PEM texts. */
export interface KeyPair {
  certificate: string;
  key: string;
}

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

interface Leaf {
  file: string;
  commonName: string;
  organization?: string;
  names?: readonly string[];
}

/** Names that certificates of the API always carry, beside where it listens. */
export const standardServerNames = (clusterDomain: string, serviceIp: string): string[] => [
  'localhost',
  '127.0.0.1',
  '::1',
  'kubernetes',
  'kubernetes.default',
  'kubernetes.default.svc',
  `kubernetes.default.svc.${clusterDomain}`,
  serviceIp,
];

export async function ensurePki(options: PkiOptions): Promise<Pki> {
  const { directory, nowMs } = options;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const ca = readPair(directory, 'ca') ?? (await makeAuthority(options));
  const authority = new X509Certificate(ca.certificate);
  const pair = async (leaf: Leaf): Promise<KeyPair> => {
    const found = readPair(directory, leaf.file);
    if (found && stillGood(found, authority, leaf, nowMs)) return found;
    return await makeLeaf(options, ca, leaf);
  };
  return {
    directory,
    ca,
    server: await pair({ file: 'apiserver', commonName: 'kube-apiserver', names: options.serverNames }),
    admin: await pair({ file: 'admin', commonName: 'kubernetes-admin', organization: 'system:masters' }),
    nodeClient: await pair({
      file: 'apiserver-kubelet-client',
      commonName: 'kube-apiserver-kubelet-client',
      organization: 'system:masters',
    }),
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

function stillGood(pair: KeyPair, authority: X509Certificate, leaf: Leaf, nowMs: number): boolean {
  const certificate = new X509Certificate(pair.certificate);
  // A start that was cut short may have left a new key beside an old certificate.
  if (!certificate.checkPrivateKey(createPrivateKey(pair.key)) || !certificate.verify(authority.publicKey))
    return false;
  if (certificate.validToDate.getTime() - nowMs < renewDays * dayMs) return false;
  return (leaf.names ?? []).every((name) =>
    isAddress(name) ? certificate.checkIP(name) !== undefined : certificate.checkHost(name) !== undefined,
  );
}

const isAddress = (name: string): boolean => /^[\d.]+$/.test(name) || name.includes(':');

/** The library costs 40 ms to load: only who makes a certificate pays. */
async function library() {
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  x509.cryptoProvider.set(crypto);
  return x509;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

const newKeys = (): Promise<CryptoKeyPair> =>
  crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']) as Promise<CryptoKeyPair>;

const pem = (label: string, der: ArrayBuffer): string => {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
};

const privatePem = async (key: CryptoKey): Promise<string> =>
  pem('PRIVATE KEY', await crypto.subtle.exportKey('pkcs8', key));

const derOf = (keyPem: string): Buffer<ArrayBuffer> =>
  Buffer.from(createPrivateKey(keyPem).export({ format: 'der', type: 'pkcs8' }));

/** The CA's or the service accounts' private key, for Web Crypto. */
export const importPrivateKey = (keyPem: string): Promise<CryptoKey> =>
  crypto.subtle.importKey('pkcs8', derOf(keyPem), algorithm, false, ['sign']);

export const importPublicKey = (keyPem: string): Promise<CryptoKey> => {
  const der = createPublicKey(keyPem).export({ format: 'der', type: 'spki' });
  return crypto.subtle.importKey('spki', Buffer.from(der), algorithm, true, ['verify']);
};

/** Clocks of nodes and clients may be a little behind. */
const validity = (nowMs: number, days: number) => ({
  notBefore: new Date(nowMs - 3_600_000),
  notAfter: new Date(nowMs + days * dayMs),
});

const serialNumber = (): string => `01${Buffer.from(crypto.getRandomValues(new Uint8Array(15))).toString('hex')}`;

async function makeAuthority({ directory, clusterName, nowMs }: PkiOptions): Promise<KeyPair> {
  const x509 = await library();
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [`${clusterName}-ca`] }],
    ...validity(nowMs, authorityDays),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.digitalSignature, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return savePair(directory, 'ca', {
    certificate: `${certificate.toString('pem')}\n`,
    key: await privatePem(keys.privateKey),
  });
}

async function makeLeaf({ directory, nowMs }: PkiOptions, ca: KeyPair, leaf: Leaf): Promise<KeyPair> {
  const x509 = await library();
  const keys = await newKeys();
  const authority = new x509.X509Certificate(ca.certificate);
  const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;
  const names = (leaf.names ?? []).map((value) => ({
    type: isAddress(value) ? ('ip' as const) : ('dns' as const),
    value,
  }));
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: [{ CN: [leaf.commonName] }, ...(leaf.organization ? [{ O: [leaf.organization] }] : [])],
    issuer: authority.subject,
    ...validity(nowMs, leafDays),
    publicKey: keys.publicKey,
    signingKey: await importPrivateKey(ca.key),
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([names.length > 0 ? serverAuth : clientAuth]),
      await x509.AuthorityKeyIdentifierExtension.create(authority),
      ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
    ],
  });
  return savePair(directory, leaf.file, {
    certificate: `${certificate.toString('pem')}\n`,
    key: await privatePem(keys.privateKey),
  });
}

function savePair(directory: string, name: string, pair: KeyPair): KeyPair {
  writePrivately(keyFile(directory, name), pair.key);
  writePrivately(certificateFile(directory, name), pair.certificate);
  return pair;
}

async function ensureServiceAccountKey(directory: string): Promise<string> {
  const file = keyFile(directory, 'sa');
  if (existsSync(file)) return readFileSync(file, 'utf8');
  const key = await privatePem((await newKeys()).privateKey);
  writePrivately(file, key);
  return key;
}
