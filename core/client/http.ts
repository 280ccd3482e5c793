// The one HTTP implementation of Client, handed the `fetch` to use: a socket's, or the API server's own in one process.
import type { KubeObject } from '../api/objects.ts';
import type { Client, DeleteOptions, ListResult, ResourceRef, Selection, WatchEvent } from './client.ts';
import { linesOf } from './lines.ts';
import { groupVersionPath } from './resources.ts';
import { errorOf, fromStatus } from './status.ts';

export interface HttpClientOptions {
  /** `https://127.0.0.1:6443`; paths of the API are put behind it. */
  baseUrl: string;
  fetch(request: Request): Promise<Response>;
  /** Asked for each request: a token that is renewed. */
  headers?(): Record<string, string> | Promise<Record<string, string>>;
  userAgent?: string;
}

/** Objects of one list request; more follow through `continue`. */
const pageLimit = 500;

const patchTypes = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
} as const;

interface Target {
  namespace?: string;
  name?: string;
  subresource?: string;
}

/** `/api/v1/namespaces/default/pods/web/status`, as the Kubernetes API concepts page lays paths out. */
export function resourcePath(of: ResourceRef, target: Target = {}): string {
  const parts = [groupVersionPath(of)];
  if (target.namespace) parts.push('namespaces', encodeURIComponent(target.namespace));
  parts.push(of.plural);
  if (target.name) parts.push(encodeURIComponent(target.name));
  if (target.subresource) parts.push(target.subresource);
  return parts.join('/');
}

/** Failed answers become StatusError; connections that fail throw what `fetch` throws. Nothing is retried here. */
export function httpClient(options: HttpClientOptions): Client {
  const base = options.baseUrl.replace(/\/$/, '');
  const fixed: Record<string, string> = options.userAgent ? { 'user-agent': options.userAgent } : {};

  const send = async (
    method: string,
    path: string,
    body?: unknown,
    type = 'application/json',
    signal?: AbortSignal,
  ) => {
    const headers: Record<string, string> = { accept: 'application/json', ...fixed, ...(await options.headers?.()) };
    if (body !== undefined) headers['content-type'] = type;
    const init: RequestInit = { method, headers };
    if (body !== undefined) init.body = JSON.stringify(body);
    if (signal) init.signal = signal;
    const response = await options.fetch(new Request(base + path, init));
    if (!response.ok) throw await errorOf(response);
    return response;
  };

  const call = async <T>(method: string, path: string, body?: unknown, type?: string): Promise<T> =>
    (await (await send(method, path, body, type)).json()) as T;

  return {
    get: (of, key) => call('GET', resourcePath(of, key)),
    list: (of, selection) => listAll(of, selection, (path) => call('GET', path)),
    create: (of, object, to = {}) => {
      const namespace = to.namespace ?? (object as KubeObject).metadata?.namespace;
      const { name, subresource } = to;
      return call('POST', resourcePath(of, { namespace, name, subresource }), object);
    },
    update: (of, object, to = {}) => {
      const { namespace, name } = (object as KubeObject).metadata;
      return call('PUT', resourcePath(of, { namespace, name, subresource: to.subresource }), object);
    },
    patch: (of, key, patch, to) =>
      call('PATCH', resourcePath(of, { ...key, subresource: to.subresource }), patch, patchTypes[to.type]),
    delete: async (of, key, to) => {
      const response = await send('DELETE', resourcePath(of, key), to && deleteBody(to));
      await response.body?.cancel();
    },
    watch: (of, from, selection, signal) =>
      watchEvents(() => send('GET', watchPath(of, from, selection), undefined, undefined, signal), signal),
    raw: async (path, init = {}) => {
      const headers = new Headers(init.headers);
      for (const [name, value] of Object.entries({ ...fixed, ...(await options.headers?.()) })) {
        if (!headers.has(name)) headers.set(name, value);
      }
      return options.fetch(new Request(base + path, { ...init, headers }));
    },
  };
}

function selectionQuery(selection: Selection | undefined): URLSearchParams {
  const query = new URLSearchParams();
  if (selection?.labelSelector) query.set('labelSelector', selection.labelSelector);
  if (selection?.fieldSelector) query.set('fieldSelector', selection.fieldSelector);
  return query;
}

interface ListBody<T> {
  apiVersion?: string;
  kind?: string;
  items: T[] | null;
  metadata?: { resourceVersion?: string; continue?: string };
}

/** The items of a list carry no apiVersion and kind of their own: they are put back. */
async function listAll<T>(
  of: ResourceRef,
  selection: Selection | undefined,
  read: (path: string) => Promise<ListBody<T>>,
): Promise<ListResult<T>> {
  const path = resourcePath(of, { namespace: selection?.namespace });
  const query = selectionQuery(selection);
  query.set('limit', String(pageLimit));
  const items: T[] = [];
  for (;;) {
    const page = await read(`${path}?${query}`);
    const kind = page.kind?.replace(/List$/, '');
    for (const item of page.items ?? []) items.push({ apiVersion: page.apiVersion, kind, ...item });
    const next = page.metadata?.continue;
    if (!next) return { items, resourceVersion: page.metadata?.resourceVersion ?? '' };
    query.set('continue', next);
  }
}

function watchPath(of: ResourceRef, from: string, selection: Selection | undefined): string {
  const query = selectionQuery(selection);
  query.set('watch', 'true');
  query.set('allowWatchBookmarks', 'true');
  if (from) query.set('resourceVersion', from);
  return `${resourcePath(of, { namespace: selection?.namespace })}?${query}`;
}

async function* watchEvents<T>(
  open: () => Promise<Response>,
  signal: AbortSignal | undefined,
): AsyncGenerator<WatchEvent<T>, void> {
  try {
    const { body } = await open();
    if (!body) return;
    for await (const line of linesOf(body)) {
      if (!line) continue;
      const event = JSON.parse(line) as { type: string; object: KubeObject };
      if (event.type === 'ERROR') throw fromStatus(event.object as Parameters<typeof fromStatus>[0]);
      if (event.type === 'BOOKMARK') {
        yield { type: 'BOOKMARK', resourceVersion: event.object.metadata.resourceVersion ?? '' };
      } else {
        yield { type: event.type as 'ADDED' | 'MODIFIED' | 'DELETED', object: event.object as T };
      }
    }
  } catch (error) {
    // Whoever aborted knows.
    if (!signal?.aborted) throw error;
  }
}

function deleteBody(options: DeleteOptions): Record<string, unknown> {
  const { uid, resourceVersion, gracePeriodSeconds, propagationPolicy } = options;
  const preconditions = uid || resourceVersion ? { uid, resourceVersion } : undefined;
  return { apiVersion: 'v1', kind: 'DeleteOptions', preconditions, gracePeriodSeconds, propagationPolicy };
}
