// What a request asks for, read from its method and URL alone.
// Follows https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris
import { badRequest } from '../api/errors.ts';
import { booleanParameter } from './options.ts';
import type { RequestInfo } from './server.ts';

const verbOfMethod: Readonly<Record<string, string>> = {
  POST: 'create',
  GET: 'get',
  HEAD: 'get',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/** Subresources of a namespace itself; any other word after its name is a resource within it. */
const namespaceSubresources = new Set(['status', 'finalize']);

/** The name that a field selector demands ("metadata.name=x"), which authorisation looks at as if it stood in the path. */
function nameInSelector(fieldSelector: string): string {
  for (const term of fieldSelector.split(',')) {
    const found = /^metadata\.name==?([^=].*)$/.exec(term);
    if (found) return found[1]!;
  }
  return '';
}

export function pathParts(pathname: string): string[] {
  const parts = pathname.split('/').filter((part) => part !== '');
  if (!pathname.includes('%')) return parts;
  try {
    return parts.map(decodeURIComponent);
  } catch {
    throw badRequest(`the path cannot be decoded: ${pathname}`);
  }
}

/** Throws BadRequest for a path that is not valid percent-encoding, and for a watch in the path of nothing. */
export function requestInfo(method: string, url: URL, query: URLSearchParams): RequestInfo {
  const nonResource: RequestInfo = {
    isResource: false,
    verb: method.toLowerCase(),
    group: '',
    version: '',
    plural: '',
    namespace: '',
    name: '',
    subresource: '',
    path: url.pathname,
  };
  const parts = pathParts(url.pathname);
  const [prefix] = parts;
  if (parts.length < 3 || (prefix !== 'api' && prefix !== 'apis')) return nonResource;
  let at = 1;
  const group = prefix === 'apis' ? parts[at++]! : '';
  if (parts.length - at < 2) return nonResource;
  const version = parts[at++]!;
  const info: RequestInfo = { ...nonResource, isResource: true, verb: verbOfMethod[method] ?? '', group, version };

  if (parts[at] === 'watch') {
    if (parts.length === at + 1) throw badRequest(`the path does not say what to watch: ${url.pathname}`);
    at += 1;
    info.verb = 'watch';
    info.watchInPath = true;
  }
  if (parts[at] === 'namespaces' && parts.length > at + 1) {
    info.namespace = parts[at + 1]!;
    if (parts.length > at + 2 && !namespaceSubresources.has(parts[at + 2]!)) at += 2;
  }
  info.plural = parts[at] ?? '';
  info.name = parts[at + 1] ?? '';
  info.subresource = parts[at + 2] ?? '';
  // Selectors count for nothing here where the path asks for the watch: rights are asked for without them.
  if (info.name !== '' || info.watchInPath) return info;

  if (info.verb === 'get' || info.verb === 'delete') {
    info.labelSelector = query.get('labelSelector') ?? '';
    info.fieldSelector = query.get('fieldSelector') ?? '';
    if (info.verb === 'get') info.verb = booleanParameter(query, 'watch') ? 'watch' : 'list';
    else info.verb = 'deletecollection';
    info.name = nameInSelector(info.fieldSelector);
  }
  return info;
}

/** What follows the subresource in the path ("/pods/x/proxy/a/b" -> "a/b"), as the client wrote it. Names may hold any word, so parts are counted. */
export function pathAfterSubresource(info: RequestInfo): string {
  const before = (info.group === '' ? 2 : 3) + (info.namespace !== '' && info.plural !== 'namespaces' ? 2 : 0);
  return info.path.replace(new RegExp(`^(?:/+[^/]+){${before + 3}}/?`), '');
}
