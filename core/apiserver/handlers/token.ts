// POST serviceaccounts/NAME/token: a token for a service account, bound to a pod, secret or node, for a while.
// Source: https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/ and KEP-1205.
import { badRequest, conflict, invalid, notFound, StatusError } from '../../api/errors.ts';
import { invalidValue } from '../../api/field-errors.ts';
import type { KubeObject, ObjectKey, Stored } from '../../api/objects.ts';
import type {
  BoundObjectReference,
  Node,
  Pod,
  Secret,
  ServiceAccount,
  AuthenticationV1TokenRequest as TokenRequest,
} from '../../api/types.gen.ts';
import { timestamp } from '../../ports.ts';
import type { Store } from '../../store/store.ts';
import { mutateAdmission, validateAdmission } from '../admission.ts';
import type { IssuerKeys } from '../authenticate/signing-keys.ts';
import { serviceAccountClaims } from '../authenticate/token-claims.ts';
import { scopeOf } from '../call.ts';
import { trackManagedFields } from '../managers.ts';
import { writeOptions } from '../options.ts';
import type { AdmissionRequest, HandlerContext, SubresourceHandler } from '../server.ts';

export interface TokenHandlerDeps {
  keys: IssuerKeys;
  issuer: string;
  /** The API server's own audiences: the default, and those whose tokens may be extended. */
  audiences: readonly string[];
}

const group = 'authentication.k8s.io';
const requestKind = { plural: 'TokenRequest', group };
const tokenRequest = { schema: 'io.k8s.api.authentication.v1.TokenRequest', group, version: 'v1' };
const defaultExpirationSeconds = 3600;
const minExpirationSeconds = 600;
const maxExpirationSeconds = 2 ** 32;
/** The lifetime that kubelets ask for in a pod's default token. Its bearer may not know that tokens expire. */
const extendableExpirationSeconds = 3607;
const extendedExpirationSeconds = 365 * 24 * 3600;

interface Bound {
  pod?: Stored<Pod>;
  secret?: Stored<Secret>;
  node?: { metadata: { name: string; uid?: string } };
}

export function tokenHandler(deps: TokenHandlerDeps): SubresourceHandler {
  return {
    verbs: ['create'],
    discovery: { group, version: 'v1', kind: 'TokenRequest' },
    handle: (context) => createToken(deps, context),
  };
}

async function createToken(deps: TokenHandlerDeps, context: HandlerContext): Promise<KubeObject> {
  const { info, deps: server } = context;
  const { namespace, name } = info;
  const request = (await context.readBody(tokenRequest.schema)) as unknown as TokenRequest;
  checkMetadata(request, namespace, name);
  const serviceAccount = await read<ServiceAccount>(server.store, 'serviceaccounts', { namespace, name });
  const { uid } = serviceAccount.metadata;
  const requestUid = request.metadata?.uid;
  if (requestUid && requestUid !== uid) {
    const why = `the UID in the token request (${requestUid}) does not match the UID of the service account (${uid})`;
    throw conflict(requestKind, name, why);
  }
  const expirationSeconds = request.spec?.expirationSeconds ?? defaultExpirationSeconds;
  request.spec = { ...request.spec, expirationSeconds } as NonNullable<TokenRequest['spec']>;
  checkExpiration(expirationSeconds);
  track(context, request as unknown as KubeObject);
  await admit(context, request as unknown as KubeObject);
  const ref = request.spec?.boundObjectRef;
  const bound = ref ? await resolveBound(server.store, ref, namespace, name) : {};
  const asked = request.spec?.audiences ?? [];
  const audiences = asked.length > 0 ? asked : [...deps.audiences];
  const extended =
    bound.pod !== undefined &&
    expirationSeconds === extendableExpirationSeconds &&
    audiences.every((audience) => deps.audiences.includes(audience));
  const nowMs = server.clock.now();
  const claims = serviceAccountClaims({
    issuer: deps.issuer,
    audiences,
    serviceAccount,
    ...bound,
    nowMs,
    expirationSeconds: extended ? extendedExpirationSeconds : expirationSeconds,
    ...(extended ? { warnAfterSeconds: expirationSeconds } : {}),
    tokenId: server.ids.uuid(),
  });
  return {
    apiVersion: `${group}/v1`,
    kind: 'TokenRequest',
    metadata: { ...request.metadata, name, namespace, uid, creationTimestamp: timestamp(nowMs) },
    spec: { audiences, expirationSeconds, boundObjectRef: ref ?? null },
    status: { token: await deps.keys.sign(claims), expirationTimestamp: timestamp(nowMs + expirationSeconds * 1000) },
  };
}

function track(context: HandlerContext, request: KubeObject): void {
  if (!context.kind) return;
  const query = new URL(context.request.url).searchParams;
  const scope = scopeOf(context, context.kind, writeOptions(query, 'CreateOptions'));
  trackManagedFields({ ...scope, kind: { ...context.kind, ...tokenRequest } }, undefined, request);
}

/** NodeRestriction looks here: a node gets tokens only for its own pods. */
async function admit(context: HandlerContext, object: KubeObject): Promise<void> {
  const { kind, info, user, warnings, deps } = context;
  if (!kind) throw new StatusError('InternalError', 'a token request without its kind');
  const { namespace, name, subresource } = info;
  const of: AdmissionRequest = {
    kind,
    operation: 'CREATE',
    subresource,
    namespace,
    name,
    object,
    old: undefined,
    user,
    dryRun: false,
    options: {},
    warnings,
  };
  await mutateAdmission(deps, of);
  await validateAdmission(deps, of);
}

function checkMetadata({ metadata }: TokenRequest, namespace: string, name: string): void {
  if (metadata?.namespace && metadata.namespace !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  if (metadata?.name && metadata.name !== name) {
    const error = invalidValue('metadata.name', metadata.name, 'must match the service account name if specified');
    throw invalid('TokenRequest', group, name, [error]);
  }
}

function checkExpiration(seconds: number): void {
  const field = 'spec.expirationSeconds';
  if (seconds < minExpirationSeconds) {
    const error = invalidValue(field, seconds, 'may not specify a duration less than 10 minutes');
    throw invalid('TokenRequest', group, '', [error]);
  }
  if (seconds > maxExpirationSeconds) {
    const error = invalidValue(field, seconds, 'may not specify a duration larger than 2^32 seconds');
    throw invalid('TokenRequest', group, '', [error]);
  }
}

async function read<T>(store: Store, resource: string, key: ObjectKey): Promise<Stored<T>> {
  const found = await store.get(resource, key);
  if (!found) throw notFound({ plural: resource, group: '' }, key.name);
  return found.object as unknown as Stored<T>;
}

async function resolveBound(
  store: Store,
  ref: BoundObjectReference,
  namespace: string,
  serviceAccountName: string,
): Promise<Bound> {
  const name = ref.name ?? '';
  const kind = ref.apiVersion === 'v1' || !ref.apiVersion ? ref.kind : undefined;
  const checked = (uid: string): void => {
    if (!ref.uid || ref.uid === uid) return;
    const why = `the UID in the bound object reference (${ref.uid}) does not match the UID in record. The object might have been deleted and then recreated`;
    throw conflict({ plural: ref.kind ?? '', group: '' }, name, why);
  };
  switch (kind) {
    case 'Pod': {
      const pod = await read<Pod>(store, 'pods', { namespace, name });
      if (pod.spec?.serviceAccountName !== serviceAccountName) {
        const why = `cannot bind token for serviceaccount "${serviceAccountName}" to pod running with different serviceaccount name.`;
        throw badRequest(why);
      }
      checked(pod.metadata.uid);
      return { pod, ...(await nodeOf(store, pod)) };
    }
    case 'Node': {
      const node = await read<Node>(store, 'nodes', { namespace: '', name });
      checked(node.metadata.uid);
      return { node };
    }
    case 'Secret': {
      const secret = await read<Secret>(store, 'secrets', { namespace, name });
      checked(secret.metadata.uid);
      return { secret };
    }
    default: {
      const [groupName, version] = ref.apiVersion?.includes('/') ? ref.apiVersion.split('/') : ['', ref.apiVersion];
      throw badRequest(`cannot bind token to object of type ${groupName}/${version ?? ''}, Kind=${ref.kind ?? ''}`);
    }
  }
}

/** A bound pod's token also says which node it runs on; the node's object may be gone. */
async function nodeOf(store: Store, pod: Stored<Pod>): Promise<Pick<Bound, 'node'>> {
  const name = pod.spec?.nodeName;
  if (!name) return {};
  const found = await store.get('nodes', { namespace: '', name });
  const uid = found?.object.metadata.uid;
  return { node: { metadata: { name, ...(uid ? { uid } : {}) } } };
}
