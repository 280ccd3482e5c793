// A PKCS #10 certificate request (RFC 2986) for an ECDSA key, written out in DER: the X.509 library would stay in the agent's
// memory for the sake of these few bytes.
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { isIPv4 } from 'node:net';

export interface CertificateRequest {
  /** PKCS #8, PEM. */
  key: string;
  /** PEM. */
  request: string;
}

export interface RequestedNames {
  organization: string;
  commonName: string;
  dnsNames: string[];
  addresses: string[];
}

const tags = { integer: 0x02, bits: 0x03, octets: 0x04, oid: 0x06, text: 0x0c, sequence: 0x30, set: 0x31 };
/** Context tags of GeneralName. */
const dnsName = 0x82;
const ipAddress = 0x87;
const attributes = 0xa0;

const oids = {
  commonName: '550403',
  organization: '55040a',
  subjectAltName: '551d11',
  extensionRequest: '2a864886f70d01090e',
  ecdsaWithSha256: '2a8648ce3d040302',
};

function der(tag: number, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const { length } = body;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), body]);
}

const oid = (name: keyof typeof oids): Buffer => der(tags.oid, Buffer.from(oids[name], 'hex'));
const sequence = (...parts: Buffer[]): Buffer => der(tags.sequence, ...parts);
const nameOf = (name: 'commonName' | 'organization', value: string): Buffer =>
  der(tags.set, sequence(oid(name), der(tags.text, Buffer.from(value))));

/** Network byte order. IPv6 is expanded from its text. */
function addressBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail] = address.split('::');
  const groups = (text: string): string[] => text.split(':').filter(Boolean);
  const missing = 8 - groups(head).length - groups(tail ?? '').length;
  const all = [...groups(head), ...(tail === undefined ? [] : Array<string>(missing).fill('0')), ...groups(tail ?? '')];
  return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex');
}

function alternativeNames({ dnsNames, addresses }: RequestedNames): Buffer {
  if (dnsNames.length === 0 && addresses.length === 0) return der(attributes);
  const names = sequence(
    ...dnsNames.map((name) => der(dnsName, Buffer.from(name))),
    ...addresses.map((address) => der(ipAddress, addressBytes(address))),
  );
  const extensions = sequence(sequence(oid('subjectAltName'), der(tags.octets, names)));
  return der(attributes, sequence(oid('extensionRequest'), der(tags.set, extensions)));
}

/** Makes a new P-256 key and a request signed with it. */
export function certificateRequest(names: RequestedNames): CertificateRequest {
  const { privateKey: key } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const publicKey = createPublicKey(createPrivateKey(key)).export({ type: 'spki', format: 'der' });
  const subject = sequence(nameOf('organization', names.organization), nameOf('commonName', names.commonName));
  const info = sequence(der(tags.integer, Buffer.from([0])), subject, publicKey, alternativeNames(names));
  const signature = sign('sha256', info, key);
  const whole = sequence(info, sequence(oid('ecdsaWithSha256')), der(tags.bits, Buffer.from([0]), signature));
  const lines = whole
    .toString('base64')
    .match(/.{1,64}/g)!
    .join('\n');
  return { key, request: `-----BEGIN CERTIFICATE REQUEST-----\n${lines}\n-----END CERTIFICATE REQUEST-----\n` };
}
