// How a request is counted. Only names that this server knows become labels: what a caller makes up must not grow the counters.
import type { Kind } from '../api/kinds/kind.ts';
import type { RequestLabels } from './metrics.ts';
import { handlerOf } from './resources.ts';
import type { ApiServerDeps, RequestInfo } from './server.ts';

/** As kube-apiserver counts them: by method, reads of collections apart. */
const verbs: Readonly<Record<string, string>> = {
  create: 'POST',
  get: 'GET',
  list: 'LIST',
  watch: 'WATCH',
  update: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
  deletecollection: 'DELETECOLLECTION',
};
/** Of requests that name no resource the verb is the method. */
const methods: Readonly<Record<string, string>> = { ...verbs, post: 'POST', put: 'PUT' };
const connecting = new Set(['log', 'exec', 'attach', 'portforward', 'proxy']);
const applyType = 'application/apply-patch+yaml';

/** What ends only when somebody goes away. */
export const isLongRunning = ({ verb, isResource, subresource }: RequestInfo): boolean =>
  verb === 'watch' || (isResource && connecting.has(subresource));

export const isMutating = (method: string): boolean => !['GET', 'HEAD', 'OPTIONS'].includes(method);

/** Of what a request or a watch is about; '' for what is no resource. */
export function scopeOfRequest({ isResource, verb, name, namespace }: RequestInfo): RequestLabels['scope'] {
  if (name !== '' || verb === 'create') return 'resource';
  if (namespace !== '') return 'namespace';
  return isResource ? 'cluster' : '';
}

function dryRunOf(query: URLSearchParams): RequestLabels['dry_run'] {
  const asked = query.getAll('dryRun');
  return asked.length === 0 ? '' : asked.every((value) => value === 'All') ? 'All' : 'invalid';
}

function verbOf(info: RequestInfo, kind: Kind | undefined, request: Request): string {
  if (kind && connecting.has(info.subresource)) return 'CONNECT';
  if (info.verb === 'patch' && request.headers.get('content-type') === applyType) return 'APPLY';
  return (kind ? verbs : methods)[info.verb] ?? 'other';
}

/** `kind`: the one that the request names, if it is served. */
export function requestLabels(
  deps: ApiServerDeps,
  request: Request,
  query: URLSearchParams,
  info: RequestInfo,
  kind: Kind | undefined,
): RequestLabels {
  const { subresource } = info;
  const known = subresource === '' || subresource === 'status' || (kind && handlerOf(deps, kind, subresource));
  return {
    verb: verbOf(info, kind, request),
    dry_run: dryRunOf(query),
    group: kind?.group ?? '',
    version: kind?.version ?? '',
    resource: kind?.plural ?? '',
    subresource: !kind ? '' : known ? subresource : 'other',
    scope: kind ? scopeOfRequest(info) : '',
  };
}
