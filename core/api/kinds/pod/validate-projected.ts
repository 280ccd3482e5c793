// Projected volumes: https://kubernetes.io/docs/concepts/storage/projected-volumes/
import type { ProjectedVolumeSource, VolumeProjection } from '../../types.gen.ts';
import type { Findings } from '../findings.ts';
import { validateLabelSelector } from '../label-selector.ts';
import { checkSignerName } from '../signer-name.ts';
import { checkFileMode, checkLocalPath } from './paths.ts';
import { validateDownwardFile, validateItems } from './validate-volumes.ts';

const minTokenSeconds = 600;
const maxTokenSeconds = 2 ** 32;
const minCertificateSeconds = 3600;
const maxCertificateSeconds = 7862400;
const maxKubernetesCertificateSeconds = 86400;
const keyTypes = ['RSA3072', 'RSA4096', 'ECDSAP256', 'ECDSAP384', 'ECDSAP521', 'ED25519'];

export function validateProjected(found: Findings, field: string, projected: ProjectedVolumeSource): void {
  checkFileMode(found, `${field}.defaultMode`, projected.defaultMode);
  const paths = new Set<string>();
  const claim = (path: string, shown: string): void => {
    if (!path) return;
    if (paths.has(path)) found.invalid(field, shown, 'conflicting duplicate paths');
    paths.add(path);
  };
  for (const [index, source] of (projected.sources ?? []).entries()) {
    const at = `${field}.sources[${index}]`;
    for (const name of ['secret', 'configMap'] as const) {
      const part = source[name];
      if (!part) continue;
      if (!part.name) found.required(`${at}.${name}.name`);
      validateItems(found, `${at}.${name}.items`, part.items);
      for (const item of part.items ?? []) claim(item.path, part.name ?? '');
    }
    for (const file of source.downwardAPI?.items ?? []) {
      validateDownwardFile(found, `${at}.downwardAPI`, file);
      claim(file.path, file.path);
    }
    validateToken(found, field, at, source);
    validateBundle(found, `${at}.clusterTrustBundle`, source);
    if (source.clusterTrustBundle) claim(source.clusterTrustBundle.path ?? '', source.clusterTrustBundle.path ?? '');
    validateCertificate(found, `${at}.podCertificate`, source, claim);
    if (Object.values(source).filter((part) => part !== undefined && part !== null).length > 1) {
      found.forbidden(at, 'may not specify more than 1 volume type per source');
    }
  }
}

/** The findings of a token's path stand at the volume, not at the source: kube-apiserver writes them so. */
function validateToken(
  found: Findings,
  field: string,
  at: string,
  { serviceAccountToken: token }: VolumeProjection,
): void {
  if (!token) return;
  const seconds = token.expirationSeconds ?? 0;
  const expiration = `${at}.serviceAccountToken.expirationSeconds`;
  if (seconds < minTokenSeconds) found.invalid(expiration, seconds, 'may not specify a duration less than 10 minutes');
  if (seconds > maxTokenSeconds)
    found.invalid(expiration, seconds, 'may not specify a duration larger than 2^32 seconds');
  if (!token.path) found.required(`${field}.path`);
  else checkLocalPath(found, `${field}.path`, token.path);
}

function validateBundle(found: Findings, field: string, { clusterTrustBundle: bundle }: VolumeProjection): void {
  if (!bundle) return;
  if (bundle.name !== undefined && bundle.signerName !== undefined) {
    found.invalid(field, bundle, 'only one of name and signerName may be used');
  } else if (bundle.name !== undefined) {
    if (!bundle.name) found.required(`${field}.name`, 'must be a valid object name');
    if (bundle.labelSelector) {
      found.invalid(`${field}.labelSelector`, bundle.labelSelector, 'labelSelector must be unset if name is specified');
    }
  } else if (bundle.signerName !== undefined) {
    if (!bundle.signerName) found.required(`${field}.signerName`, 'must be a valid signer name');
    checkSignerName(found, `${field}.signerName`, bundle.signerName);
    validateLabelSelector(found, `${field}.labelSelector`, bundle.labelSelector);
  } else found.required(field, 'either name or signerName must be specified');
  if (!bundle.path) found.required(`${field}.path`);
  checkLocalPath(found, `${field}.path`, bundle.path ?? '');
}

function validateCertificate(
  found: Findings,
  field: string,
  { podCertificate: certificate }: VolumeProjection,
  claim: (path: string, shown: string) => void,
): void {
  if (!certificate) return;
  checkSignerName(found, `${field}.signerName`, certificate.signerName ?? '');
  if (!keyTypes.includes(certificate.keyType))
    found.unsupported(`${field}.keyType`, certificate.keyType ?? '', keyTypes);
  const seconds = certificate.maxExpirationSeconds;
  if (seconds !== undefined) {
    const at = `${field}.maxExpirationSeconds`;
    const own = certificate.signerName?.startsWith('kubernetes.io/');
    const max = own ? maxKubernetesCertificateSeconds : maxCertificateSeconds;
    if (seconds < minCertificateSeconds)
      found.invalid(at, seconds, 'if provided, maxExpirationSeconds must be >= 3600');
    if (seconds > max) found.invalid(at, seconds, `if provided, maxExpirationSeconds must be <= ${max}`);
  }
  const names = ['credentialBundlePath', 'keyPath', 'certificateChainPath'] as const;
  for (const name of names) {
    const path = certificate[name];
    if (!path) continue;
    checkLocalPath(found, `${field}.${name}`, path);
    claim(path, path);
  }
  if (!names.some((name) => certificate[name])) {
    found.required(field, 'specify at least one of credentialBundlePath, keyPath, and certificateChainPath');
  }
}
