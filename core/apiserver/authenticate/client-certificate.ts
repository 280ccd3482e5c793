// A verified client certificate: the common name is the user, each organization a group. The TLS listener has verified it
// against the cluster's authority; what arrives here is its subject.
// Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#x509-client-certificates
import type { Authenticator } from '../server.ts';
import { extraKeys } from './users.ts';

export const clientCertificateAuthenticator: Authenticator = async (_request, peer) => {
  const certificate = peer.certificate;
  if (!certificate?.commonName) return undefined;
  const fingerprint = certificate.fingerprint.replaceAll(':', '').toLowerCase();
  return {
    username: certificate.commonName,
    groups: [...certificate.organizations],
    ...(fingerprint ? { extra: { [extraKeys.credentialId]: [`X509SHA256=${fingerprint}`] } } : {}),
  };
};
