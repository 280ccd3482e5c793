// What admission plugins share: which requests they look at, and how a refusal reads.
import { forbidden, type StatusError } from '../../api/errors.ts';
import type { KubeObject, ObjectKey } from '../../api/objects.ts';
import type { Pod } from '../../api/types.gen.ts';
import type { Ports } from '../../ports.ts';
import type { Store } from '../../store/store.ts';
import type { RoleResolver } from '../authorize/role-resolver.ts';
import type { Lister } from '../lister.ts';
import type { AdmissionRequest, Authorizer } from '../server.ts';
import type { DefaultTolerations } from './default-tolerations.ts';

export interface AdmissionDeps extends Ports {
  store: Store;
  lister: Lister;
  authorize: Authorizer;
  roles: RoleResolver;
  defaultTolerations?: DefaultTolerations;
}

/** `pods`, `deployments.apps`. */
export const resourceOf = ({ kind }: AdmissionRequest): string =>
  kind.group ? `${kind.plural}.${kind.group}` : kind.plural;

/** The object itself (no subresource) of this resource. */
export const concerns = (request: AdmissionRequest, resource: string): boolean =>
  request.subresource === '' && resourceOf(request) === resource;

/** The name as refusals show it: a generated name does not exist yet. */
export function nameOf({ name, object }: AdmissionRequest): string {
  return name || object?.metadata.name || object?.metadata.generateName || 'Unknown';
}

/** 403: `pods "x" is forbidden: why`. */
export const refusal = (request: AdmissionRequest, why: string): StatusError =>
  forbidden(request.kind, nameOf(request), why);

const seen = new WeakMap<AdmissionRequest, Map<string, KubeObject>>();

/** An object that several plugins look at is read once for each request. Not for what must be fresh at a later phase. */
export async function readOnce(
  store: Store,
  request: AdmissionRequest,
  resource: string,
  key: ObjectKey,
): Promise<KubeObject | undefined> {
  let known = seen.get(request);
  if (!known) seen.set(request, (known = new Map()));
  const id = `${resource} ${key.namespace}/${key.name}`;
  const standing = known.get(id);
  if (standing) return standing;
  const object = (await store.get(resource, key))?.object;
  if (object) known.set(id, object);
  return object;
}

export const podOf = (request: AdmissionRequest): Pod => request.object as unknown as Pod;
export const oldPodOf = (request: AdmissionRequest): Pod => request.old as unknown as Pod;
