// What a service account token says. Source: KEP-1205 (bound tokens), KEP-4193 (node and credential id).
import type { Stored } from '../../api/objects.ts';
import type { Pod, Secret, ServiceAccount } from '../../api/types.gen.ts';
import { serviceAccountUsername } from './users.ts';

export interface ObjectClaim {
  name: string;
  uid?: string;
}

export interface KubernetesClaims {
  namespace: string;
  serviceaccount: ObjectClaim;
  pod?: ObjectClaim;
  secret?: ObjectClaim;
  node?: ObjectClaim;
  /** Seconds since the epoch: past it the token still works, but its bearer should have fetched a new one. */
  warnafter?: number;
}

export interface ClaimsInput {
  issuer: string;
  audiences: readonly string[];
  serviceAccount: Stored<ServiceAccount>;
  pod?: Stored<Pod>;
  secret?: Stored<Secret>;
  /** The bound node, or the node that the bound pod runs on (which may lack its object, and so its uid). */
  node?: { metadata: { name: string; uid?: string } };
  nowMs: number;
  expirationSeconds: number;
  warnAfterSeconds?: number;
  tokenId: string;
}

const claimOf = (object: { metadata: { name: string; uid?: string } }): ObjectClaim => ({
  name: object.metadata.name,
  ...(object.metadata.uid ? { uid: object.metadata.uid } : {}),
});

export function serviceAccountClaims(input: ClaimsInput): Record<string, unknown> {
  const { serviceAccount, pod, secret, node, warnAfterSeconds } = input;
  const namespace = serviceAccount.metadata.namespace ?? '';
  const now = Math.floor(input.nowMs / 1000);
  const kubernetes: KubernetesClaims = {
    namespace,
    ...(node ? { node: claimOf(node) } : {}),
    ...(pod ? { pod: claimOf(pod) } : {}),
    ...(secret ? { secret: claimOf(secret) } : {}),
    serviceaccount: claimOf(serviceAccount),
    ...(warnAfterSeconds ? { warnafter: now + warnAfterSeconds } : {}),
  };
  return {
    aud: [...input.audiences],
    exp: now + input.expirationSeconds,
    iat: now,
    iss: input.issuer,
    jti: input.tokenId,
    'kubernetes.io': kubernetes,
    nbf: now,
    sub: serviceAccountUsername(namespace, serviceAccount.metadata.name),
  };
}
