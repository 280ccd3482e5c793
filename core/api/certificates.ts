// Certificate requests: what they ask for, whether a signer of Kubernetes may grant it, and the certificate itself.
// Source: https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#kubernetes-signers

export interface CertificateAuthority {
  certificatePem: string;
  privateKey: CryptoKey;
}

export interface SigningOptions {
  ca: CertificateAuthority;
  /** Key usages as a CertificateSigningRequest names them ("client auth", "digital signature"). */
  usages: readonly string[];
  durationSeconds: number;
  nowMs: number;
}

export interface RequestSubject {
  /** Empty unless there is exactly one: with two, those who read certificates would not agree who it is. */
  commonName: string;
  organizations: string[];
  dnsNames: string[];
  addresses: string[];
  emails: string[];
  uris: string[];
}

export const signers = {
  client: 'kubernetes.io/kube-apiserver-client',
  kubeletClient: 'kubernetes.io/kube-apiserver-client-kubelet',
  kubeletServing: 'kubernetes.io/kubelet-serving',
} as const;

/** Clocks of nodes may be a little behind. */
const backdateMs = 5 * 60_000;
const maxDurationSeconds = 365 * 24 * 3600;
const minDurationSeconds = 600;
const nodesOrganization = 'system:nodes';
const nodePrefix = 'system:node:';

/** The library costs tens of milliseconds to load: only who needs it pays. */
async function library() {
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  x509.cryptoProvider.set(crypto);
  return x509;
}

type Library = Awaited<ReturnType<typeof library>>;
type ParsedRequest = InstanceType<Library['Pkcs10CertificateRequest']>;

/** undefined for a text that is not one valid PEM block of a request. */
function parse(x509: Library, pem: string): ParsedRequest | undefined {
  if (!/^\s*-----BEGIN (NEW )?CERTIFICATE REQUEST-----/.test(pem)) return undefined;
  try {
    return new x509.Pkcs10CertificateRequest(pem.replaceAll('NEW CERTIFICATE REQUEST', 'CERTIFICATE REQUEST'));
  } catch {
    return undefined;
  }
}

type AlternativeNames = InstanceType<Library['SubjectAlternativeNameExtension']>;

const alternativeNames = (x509: Library, request: ParsedRequest): AlternativeNames | undefined =>
  request.extensions.find((extension) => extension instanceof x509.SubjectAlternativeNameExtension);

function subjectOf(x509: Library, request: ParsedRequest): RequestSubject {
  const names = alternativeNames(x509, request)?.names.items ?? [];
  const ofType = (type: string): string[] => names.filter((name) => name.type === type).map(({ value }) => value);
  const [commonName = '', ...others] = request.subjectName.getField('CN');
  return {
    commonName: others.length === 0 ? commonName : '',
    organizations: request.subjectName.getField('O'),
    dnsNames: ofType('dns'),
    addresses: ofType('ip'),
    emails: ofType('email'),
    uris: ofType('url'),
  };
}

/** The text behind a field of bytes; empty for one that is not base64. */
export function decodeBase64(text: string | undefined): string {
  try {
    return atob(text ?? '');
  } catch {
    return '';
  }
}

/** What a request (PEM) asks for; undefined when it cannot be read or its signature is not by its own key. */
export async function subjectOfRequest(pem: string): Promise<RequestSubject | undefined> {
  const x509 = await library();
  const request = parse(x509, pem);
  return request && (await request.verify()) ? subjectOf(x509, request) : undefined;
}

const same = (list: readonly string[], ...wanted: string[]): boolean =>
  list.length === wanted.length && wanted.every((value) => list.includes(value));

const usagesAre = (usages: readonly string[], purpose: string): boolean =>
  same(usages, 'digital signature', purpose) || same(usages, 'digital signature', 'key encipherment', purpose);

/** Why a signer may not grant this request; undefined when it may. */
export function signerObjection(
  signerName: string,
  subject: RequestSubject,
  usages: readonly string[],
): string | undefined {
  const { commonName, organizations, dnsNames, addresses, emails, uris } = subject;
  const isNode = same(organizations, nodesOrganization) && commonName.startsWith(nodePrefix);
  const anyNames = [...dnsNames, ...addresses, ...emails, ...uris].length > 0;
  if (!commonName) return 'the subject must have exactly one common name';
  switch (signerName) {
    case signers.client: {
      if (organizations.includes('system:masters')) return 'the organization system:masters is not permitted';
      const permitted = ['client auth', 'digital signature', 'key encipherment'];
      if (!usages.includes('client auth')) return 'usages must include client auth';
      const other = usages.find((usage) => !permitted.includes(usage));
      return other === undefined ? undefined : `usage ${other} is not permitted`;
    }
    case signers.kubeletClient:
      if (!isNode) return `subject must be ${nodePrefix}NAME in the organization ${nodesOrganization}`;
      if (anyNames) return 'subject alternative names are not permitted';
      return usagesAre(usages, 'client auth')
        ? undefined
        : 'usages must be client auth, digital signature and key encipherment';
    case signers.kubeletServing:
      if (!isNode) return `subject must be ${nodePrefix}NAME in the organization ${nodesOrganization}`;
      if (dnsNames.length + addresses.length === 0) return 'at least one DNS name or IP address is required';
      if (emails.length + uris.length > 0) return 'only DNS names and IP addresses are permitted';
      return usagesAre(usages, 'server auth')
        ? undefined
        : 'usages must be server auth, digital signature and key encipherment';
    default:
      return `the signer ${signerName} is not served here`;
  }
}

const keyUsageBits: Readonly<Record<string, number>> = {
  signing: 1,
  'digital signature': 1,
  'content commitment': 2,
  'key encipherment': 4,
  'data encipherment': 8,
  'key agreement': 16,
  'cert sign': 32,
  'crl sign': 64,
  'encipher only': 128,
  'decipher only': 256,
};

const extendedUsages: Readonly<Record<string, string>> = {
  any: '2.5.29.37.0',
  'server auth': '1.3.6.1.5.5.7.3.1',
  'client auth': '1.3.6.1.5.5.7.3.2',
  'code signing': '1.3.6.1.5.5.7.3.3',
  'email protection': '1.3.6.1.5.5.7.3.4',
  's/mime': '1.3.6.1.5.5.7.3.4',
  timestamping: '1.3.6.1.5.5.7.3.8',
  'ocsp signing': '1.3.6.1.5.5.7.3.9',
};

/**
 * The certificate (PEM) for a request (PEM): its subject, its key and its alternative names, the usages given, signed by the
 * authority. It never outlives the authority nor a year. Throws an Error for a request that is not valid.
 */
export async function signCertificateRequest(csrPem: string, options: SigningOptions): Promise<string> {
  const { ca, usages, nowMs } = options;
  const x509 = await library();
  const request = parse(x509, csrPem);
  if (!request) throw new Error('the certificate request cannot be read');
  if (!(await request.verify())) throw new Error('the certificate request is not signed by its own key');
  const authority = new x509.X509Certificate(ca.certificatePem);
  const seconds = Math.min(Math.max(options.durationSeconds, minDurationSeconds), maxDurationSeconds);
  const notAfter = Math.min(nowMs + seconds * 1000, authority.notAfter.getTime());
  const bits = usages.reduce((sum, usage) => sum | (keyUsageBits[usage] ?? 0), 0);
  const purposes = usages.flatMap((usage) => extendedUsages[usage] ?? []);
  const names = alternativeNames(x509, request);
  const certificate = await x509.X509CertificateGenerator.create({
    subject: request.subjectName.toJSON(),
    issuer: authority.subjectName.toJSON(),
    notBefore: new Date(Math.max(nowMs - backdateMs, authority.notBefore.getTime())),
    notAfter: new Date(notAfter),
    publicKey: request.publicKey,
    signingKey: ca.privateKey,
    signingAlgorithm: signingAlgorithm(ca.privateKey),
    extensions: [
      ...(bits ? [new x509.KeyUsagesExtension(bits, true)] : []),
      ...(purposes.length > 0 ? [new x509.ExtendedKeyUsageExtension(purposes)] : []),
      new x509.BasicConstraintsExtension(false, undefined, true),
      await x509.AuthorityKeyIdentifierExtension.create(authority),
      ...(names ? [new x509.SubjectAlternativeNameExtension(names.names.toJSON(), names.critical)] : []),
    ],
  });
  return `${certificate.toString('pem')}\n`;
}

const signingAlgorithm = (key: CryptoKey): EcdsaParams & Algorithm => ({ name: key.algorithm.name, hash: 'SHA-256' });
