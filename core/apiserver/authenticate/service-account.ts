// Service account tokens: signature, issuer, audience, time, and that everything the token is bound to still stands.
// Source: KEP-1205; checks in the order of kube-apiserver.
import type { JWTPayload } from 'jose';
import { decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { StatusError } from '../../api/errors.ts';
import type { Clock } from '../../ports.ts';
import type { Store } from '../../store/store.ts';
import type { User } from '../server.ts';
import type { TokenAuthenticator } from './bearer.ts';
import type { IssuerKeys } from './signing-keys.ts';
import type { KubernetesClaims, ObjectClaim } from './token-claims.ts';
import { extraKeys, serviceAccountGroups, serviceAccountUsername } from './users.ts';

export interface ServiceAccountTokenDeps {
  store: Store;
  clock: Clock;
  keys: IssuerKeys;
  /** The first issuer signs; the others are still accepted. */
  issuers: readonly string[];
}

/** A deleted object keeps its tokens alive this long, so that clocks may differ and a graceful end may use the API. */
const leewaySeconds = 60;

const refused = (why: string): StatusError => {
  const error = new StatusError('Unauthorized', 'Unauthorized');
  error.cause = new Error(why);
  return error;
};

/** Signatures checked before: the same token comes with every request of its bearer. */
const maxRemembered = 2000;

export function serviceAccountTokens(deps: ServiceAccountTokenDeps): TokenAuthenticator {
  const remembered = new Map<string, JWTPayload>();
  const read = async (token: string, keyId: string | undefined): Promise<JWTPayload> => {
    const known = remembered.get(token);
    if (known && isCurrent(known, deps.clock.now())) return known;
    remembered.delete(token);
    const payload = await verified(deps, token, keyId);
    if (remembered.size >= maxRemembered) remembered.clear();
    remembered.set(token, payload);
    return payload;
  };
  return async (token, audiences) => {
    const unverified = decoded(token);
    if (!unverified || !deps.issuers.includes(unverified.payload.iss ?? '')) return undefined;
    const payload = await read(token, unverified.keyId);
    const given = typeof payload.aud === 'string' ? [payload.aud] : (payload.aud ?? []);
    const common = audiences.filter((audience) => given.includes(audience));
    if (common.length === 0) {
      throw refused(`token audiences ${goList(given)} is invalid for the target audiences ${goList(audiences)}`);
    }
    const claims = payload['kubernetes.io'] as KubernetesClaims | undefined;
    if (!claims?.namespace || !claims.serviceaccount?.name) throw refused('token has no service account');
    await assertBoundObjects(deps, claims);
    return { user: userOf(claims, payload.jti), audiences: common };
  };
}

/** Strictly within its time; at the edges the full check decides. */
function isCurrent({ exp, nbf }: JWTPayload, nowMs: number): boolean {
  const now = nowMs / 1000;
  return now < (exp ?? 0) && now >= (nbf ?? 0);
}

const goList = (values: readonly string[]): string => `[${values.map((value) => JSON.stringify(value)).join(' ')}]`;

function decoded(token: string): { payload: JWTPayload; keyId: string | undefined } | undefined {
  try {
    return { payload: decodeJwt(token), keyId: decodeProtectedHeader(token).kid };
  } catch {
    return undefined;
  }
}

async function verified(deps: ServiceAccountTokenDeps, token: string, keyId: string | undefined): Promise<JWTPayload> {
  let failure: unknown = new Error('no key');
  for (const { publicKey, algorithm } of deps.keys.find(keyId)) {
    try {
      const { payload } = await jwtVerify(token, publicKey, {
        algorithms: [algorithm],
        issuer: [...deps.issuers],
        currentDate: new Date(deps.clock.now()),
        clockTolerance: leewaySeconds,
        requiredClaims: ['exp', 'sub'],
      });
      return payload;
    } catch (error) {
      failure = error;
    }
  }
  const code = (failure as { code?: string }).code;
  if (code === 'ERR_JWT_EXPIRED') throw refused('service account token has expired');
  if (code === 'ERR_JWT_CLAIM_VALIDATION_FAILED') throw refused('service account token is not valid yet');
  throw refused('invalid bearer token');
}

async function assertBoundObjects(deps: ServiceAccountTokenDeps, claims: KubernetesClaims): Promise<void> {
  const { namespace, serviceaccount, pod, secret, node } = claims;
  const check = async (resource: string, of: string, claim: ObjectClaim, at: string, gone: string): Promise<void> => {
    const found = await deps.store.get(resource, { namespace: at, name: claim.name });
    if (!found) throw refused(gone);
    const { uid, deletionTimestamp } = found.object.metadata;
    if (uid !== claim.uid)
      throw refused(`${of} UID (${uid}) does not match service account ${of} ref claim (${claim.uid})`);
    const deletedBefore = deps.clock.now() - leewaySeconds * 1000;
    if (deletionTimestamp && Date.parse(deletionTimestamp) < deletedBefore) throw refused(gone);
  };
  const invalidated = 'service account token has been invalidated';
  const { name } = serviceaccount;
  await check('serviceaccounts', 'service account', serviceaccount, namespace, `serviceaccounts "${name}" not found`);
  if (secret) await check('secrets', 'secret', secret, namespace, invalidated);
  if (pod) await check('pods', 'pod', pod, namespace, invalidated);
  // The node of a bound pod is information only: the pod's own check already covers its life.
  if (node && !pod) await check('nodes', 'node', node, '', invalidated);
}

function userOf(claims: KubernetesClaims, tokenId: string | undefined): User {
  const { namespace, serviceaccount, pod, node } = claims;
  const extra: Record<string, string[]> = {};
  if (tokenId) extra[extraKeys.credentialId] = [`JTI=${tokenId}`];
  if (pod) {
    extra[extraKeys.podName] = [pod.name];
    extra[extraKeys.podUid] = [pod.uid ?? ''];
  }
  if (node) {
    extra[extraKeys.nodeName] = [node.name];
    // An empty uid is left out: the node object may have been missing when the token was made.
    if (node.uid) extra[extraKeys.nodeUid] = [node.uid];
  }
  return {
    username: serviceAccountUsername(namespace, serviceaccount.name),
    uid: serviceaccount.uid,
    groups: serviceAccountGroups(namespace),
    ...(Object.keys(extra).length > 0 ? { extra } : {}),
  };
}
