// Keys of the service account issuer: signing, and what is published for OIDC discovery.
// Source: https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#service-account-issuer-discovery
import type { JWK } from 'jose';
import { exportJWK, SignJWT } from 'jose';

export type SigningAlgorithm = 'RS256' | 'ES256';

/** A key pair; older keys keep verifying while their tokens live. */
export interface SigningKey {
  algorithm: SigningAlgorithm;
  /** Absent for a key that only verifies. */
  privateKey?: CryptoKey;
  /** Must be extractable: it is published. */
  publicKey: CryptoKey;
}

export interface IssuerKeys {
  /** The first key that can sign is used for new tokens. */
  sign(claims: Record<string, unknown>): Promise<string>;
  find(keyId: string | undefined): { publicKey: CryptoKey; algorithm: SigningAlgorithm }[];
  /** RFC 7517 key set, as /openid/v1/jwks serves it. */
  jwks(): { keys: JWK[] };
}

const base64url = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '');

/** The key's id is a digest of its public part, so that it is the same on every API server. */
async function keyIdOf(key: CryptoKey): Promise<string> {
  const der = await crypto.subtle.exportKey('spki', key);
  return base64url(new Uint8Array(await crypto.subtle.digest('SHA-256', der)));
}

export async function loadIssuerKeys(keys: readonly SigningKey[]): Promise<IssuerKeys> {
  const loaded = await Promise.all(
    keys.map(async (key) => {
      const keyId = await keyIdOf(key.publicKey);
      const jwk = await exportJWK(key.publicKey);
      return { ...key, keyId, jwk: { use: 'sig', kid: keyId, alg: key.algorithm, ...jwk } };
    }),
  );
  const signer = loaded.find((key) => key.privateKey);
  return {
    async sign(claims) {
      if (!signer?.privateKey) throw new Error('no key of the service account issuer can sign');
      return new SignJWT(claims)
        .setProtectedHeader({ alg: signer.algorithm, kid: signer.keyId })
        .sign(signer.privateKey);
    },
    find: (keyId) => (keyId ? loaded.filter((key) => key.keyId === keyId) : loaded),
    jwks: () => ({ keys: loaded.map((key) => key.jwk) }),
  };
}

/** The document at /.well-known/openid-configuration. `jwksUri` is where clients fetch the key set. */
export function discoveryDocument(issuer: string, jwksUri: string, keys: IssuerKeys): Record<string, unknown> {
  const algorithms = new Set(keys.jwks().keys.map((key) => key.alg));
  return {
    issuer,
    jwks_uri: jwksUri,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [...algorithms].sort(),
  };
}
