// A cluster's own certificates and keys: the authority, and what it signs for the control plane itself (certificates.ts signs
// what others ask for). ECDSA P-256 everywhere; texts are PEM, private keys PKCS 8. Subjects follow
// https://kubernetes.io/docs/setup/best-practices/certificates/

const dayMs = 86_400_000;
const leafDays = 365;
const authorityDays = 3650;
/** Clocks of nodes and clients may be a little behind. */
const backdateMs = 3_600_000;

/** PEM texts. */
export interface KeyPair {
  certificate: string;
  key: string;
}

export interface Leaf {
  commonName: string;
  organization?: string;
  /** DNS names and addresses of a server; a certificate without any is a client's. */
  names?: readonly string[];
}

export interface Making {
  nowMs: number;
  /** Cryptographically strong. */
  randomBytes(length: number): Uint8Array;
}

/** What the control plane shows to the agents. */
export const nodeClientLeaf: Leaf = { commonName: 'kube-apiserver-kubelet-client', organization: 'system:masters' };

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

export const isAddress = (name: string): boolean => /^[\d.]+$/.test(name) || name.includes(':');

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

function pem(label: string, der: ArrayBuffer): string {
  const text = btoa(String.fromCharCode(...new Uint8Array(der)));
  return `-----BEGIN ${label}-----\n${(text.match(/.{1,64}/g) ?? []).join('\n')}\n-----END ${label}-----\n`;
}

const privatePem = async (key: CryptoKey): Promise<string> =>
  pem('PRIVATE KEY', await crypto.subtle.exportKey('pkcs8', key));

/** Throws an Error for a text that is no PKCS 8 key in PEM. */
function derOf(keyPem: string): Uint8Array<ArrayBuffer> {
  const found = /-----BEGIN PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END PRIVATE KEY-----/.exec(keyPem);
  if (!found) throw new Error('the private key is no PKCS 8 text in PEM');
  return Uint8Array.from(atob(found[1]!.replaceAll(/\s/g, '')), (char) => char.charCodeAt(0));
}

/** A new private key, PEM. */
export const newPrivateKey = async (): Promise<string> => privatePem((await newKeys()).privateKey);

/** A private key of the cluster, for Web Crypto. */
export const importPrivateKey = (keyPem: string): Promise<CryptoKey> =>
  crypto.subtle.importKey('pkcs8', derOf(keyPem), algorithm, false, ['sign']);

/** The key that signs service account tokens, and its public half, which can be exported: it is published. */
export async function importSigningKey(
  keyPem: string,
): Promise<{ algorithm: 'ES256'; privateKey: CryptoKey; publicKey: CryptoKey }> {
  const whole = await crypto.subtle.importKey('pkcs8', derOf(keyPem), algorithm, true, ['sign']);
  const { d: _secret, key_ops: _uses, ...jwk } = await crypto.subtle.exportKey('jwk', whole);
  const publicKey = await crypto.subtle.importKey('jwk', jwk, algorithm, true, ['verify']);
  return { algorithm: 'ES256', privateKey: await importPrivateKey(keyPem), publicKey };
}

const validity = (nowMs: number, days: number) => ({
  notBefore: new Date(nowMs - backdateMs),
  notAfter: new Date(nowMs + days * dayMs),
});

/** Positive, 16 bytes, never the same. */
function serialNumber({ randomBytes }: Making): string {
  const hex = [...randomBytes(15)].map((byte) => byte.toString(16).padStart(2, '0'));
  return `01${hex.join('')}`;
}

/** Signs itself; good for ten years. */
export async function makeAuthority(clusterName: string, making: Making): Promise<KeyPair> {
  const x509 = await library();
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(making),
    name: [{ CN: [`${clusterName}-ca`] }],
    ...validity(making.nowMs, authorityDays),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.digitalSignature, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: `${certificate.toString('pem')}\n`, key: await privatePem(keys.privateKey) };
}

/** Signed by the authority; good for a year. */
export async function makeLeaf(ca: KeyPair, leaf: Leaf, making: Making): Promise<KeyPair> {
  const x509 = await library();
  const keys = await newKeys();
  const authority = new x509.X509Certificate(ca.certificate);
  const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;
  const names = (leaf.names ?? []).map((value) => ({
    type: isAddress(value) ? ('ip' as const) : ('dns' as const),
    value,
  }));
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(making),
    subject: [{ CN: [leaf.commonName] }, ...(leaf.organization ? [{ O: [leaf.organization] }] : [])],
    issuer: authority.subject,
    ...validity(making.nowMs, leafDays),
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
  return { certificate: `${certificate.toString('pem')}\n`, key: await privatePem(keys.privateKey) };
}
