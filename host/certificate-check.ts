// Whether a certificate that stands is still good, or is to be made anew.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { isAddress, type KeyPair, type Leaf } from '../core/api/cluster-certificates.ts';

const dayMs = 86_400_000;
/** A certificate with less left is made anew: at a start, or at a deployment. */
const renewDays = 60;

export function stillGood(pair: KeyPair, authorityPem: string, leaf: Leaf, nowMs: number): boolean {
  const certificate = new X509Certificate(pair.certificate);
  // What was cut short may have left a new key beside an old certificate.
  if (!certificate.checkPrivateKey(createPrivateKey(pair.key))) return false;
  if (!certificate.verify(new X509Certificate(authorityPem).publicKey)) return false;
  if (certificate.validToDate.getTime() - nowMs < renewDays * dayMs) return false;
  return (leaf.names ?? []).every((name) =>
    isAddress(name) ? certificate.checkIP(name) !== undefined : certificate.checkHost(name) !== undefined,
  );
}
