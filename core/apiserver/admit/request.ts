// What admission plugins share: which requests they look at, and how a refusal reads.
import { forbidden, type StatusError } from '../../api/errors.ts';
import type { Pod } from '../../api/types.gen.ts';
import type { Ports } from '../../ports.ts';
import type { Store } from '../../store/store.ts';
import type { RoleResolver } from '../authorize/role-resolver.ts';
import type { Lister } from '../lister.ts';
import type { AdmissionRequest, Authorizer } from '../server.ts';

export interface AdmissionDeps extends Ports {
  store: Store;
  lister: Lister;
  authorize: Authorizer;
  roles: RoleResolver;
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

export const podOf = (request: AdmissionRequest): Pod => request.object as unknown as Pod;
export const oldPodOf = (request: AdmissionRequest): Pod => request.old as unknown as Pod;
