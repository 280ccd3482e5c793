// nodes/NAME/proxy, pods/NAME/proxy, services/NAME/proxy: HTTP into the cluster's network, through a node's agent.
// The agent's path for a pod is /podProxy/NAMESPACE/POD/SCHEME/PORT/PATH; a node's own paths are passed on as they are.
// Follows https://kubernetes.io/docs/tasks/access-application-cluster/access-cluster-services/#manually-constructing-apiserver-proxy-urls
import { badRequest, notFound, StatusError } from '../../api/errors.ts';
import { serviceNameLabel } from '../../api/service-labels.ts';
import type { EndpointSlice, Pod, Service, ServicePort } from '../../api/types.gen.ts';
import { randomBelow } from '../claims.ts';
import { pathAfterSubresource } from '../request-info.ts';
import type { HandlerContext, SubresourceHandler, Tunnel } from '../server.ts';
import { askNode, nodeNamed, nodeOf, podOf } from './pod-target.ts';
import { linkRewriter, throughProxy } from './proxy-links.ts';

interface Target {
  scheme: 'http' | 'https';
  name: string;
  port: string;
}

/** `name`, `name:port` or `scheme:name:port`. Throws BadRequest. */
export function targetOf(text: string): Target {
  const parts = text.split(':');
  const [first = '', second = '', third = ''] = parts;
  if (parts.length === 1) return { scheme: 'http', name: first, port: '' };
  if (parts.length === 2) return { scheme: 'http', name: first, port: second };
  if (parts.length === 3 && (first === 'http' || first === 'https' || first === '')) {
    return { scheme: first === 'https' ? 'https' : 'http', name: second, port: third };
  }
  throw badRequest(`invalid name "${text}": use NAME, NAME:PORT or SCHEME:NAME:PORT`);
}

const tail = (context: HandlerContext): string => {
  const { search } = new URL(context.request.url);
  return `${pathAfterSubresource(context.info)}${search}`;
};

/** The path up to and with `/proxy`, as the caller wrote it. */
function proxyPrefix(context: HandlerContext): string {
  const { pathname } = new URL(context.request.url);
  return pathname.slice(0, pathname.length - pathAfterSubresource(context.info).length).replace(/\/$/, '');
}

/** `.../proxy` is read as `.../proxy/`, so that relative links of the page stay below it. Methods that change things are not sent twice. */
function toFolder(context: HandlerContext): Response | undefined {
  const { method, url } = context.request;
  const { pathname, search } = new URL(url);
  if ((method !== 'GET' && method !== 'HEAD') || pathname.endsWith('/')) return undefined;
  if (pathAfterSubresource(context.info) !== '') return undefined;
  return new Response(null, { status: 301, headers: { location: `${pathname}/${search}` } });
}

/** Headers that are about this connection or this caller, not about the request to the target. */
const notForwarded = [
  'authorization',
  'connection',
  'host',
  'keep-alive',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

async function forward(context: HandlerContext, { node, path }: Tunnel): Promise<Response> {
  const { request } = context;
  const headers = new Headers(request.headers);
  for (const name of notForwarded) headers.delete(name);
  for (const name of [...headers.keys()]) if (name.startsWith('impersonate-')) headers.delete(name);
  const hasBody = request.method !== 'GET' && request.method !== 'HEAD' && request.body !== null;
  const init = {
    method: request.method,
    headers,
    signal: request.signal,
    redirect: 'manual',
    ...(hasBody ? { body: request.body, duplex: 'half' } : {}),
  };
  const answer = await askNode(context, node, path, init as RequestInit);
  const answerHeaders = new Headers(answer.headers);
  for (const name of ['connection', 'keep-alive', 'transfer-encoding']) answerHeaders.delete(name);
  const prefix = proxyPrefix(context);
  const location = answerHeaders.get('location');
  if (location) answerHeaders.set('location', throughProxy(location, prefix));
  const page = answerHeaders.get('content-type')?.startsWith('text/html') && !answerHeaders.has('content-encoding');
  if (!page || !answer.body) return new Response(answer.body, { status: answer.status, headers: answerHeaders });
  answerHeaders.delete('content-length');
  return new Response(answer.body.pipeThrough(linkRewriter(prefix)), { status: answer.status, headers: answerHeaders });
}

const podPath = (context: HandlerContext, pod: Pod, scheme: string, port: string | number): string =>
  `/podProxy/${context.info.namespace}/${pod.metadata?.name}/${scheme}/${port}/${tail(context)}`;

/** A named port of the pod, a number, or its first one. */
function podPort(pod: Pod, port: string): number {
  const ports = (pod.spec?.containers ?? []).flatMap((container) => container.ports ?? []);
  if (port === '') return ports[0]?.containerPort ?? 80;
  const found = ports.find(({ name }) => name === port)?.containerPort ?? Number(port);
  if (!Number.isInteger(found) || found < 1 || found > 65_535)
    throw badRequest(`pod ${pod.metadata?.name} has no port "${port}"`);
  return found;
}

export async function podProxyTarget(context: HandlerContext): Promise<Tunnel> {
  const { scheme, name, port } = targetOf(context.info.name);
  const pod = await podOf(context, name);
  const path = podPath(context, pod, scheme, podPort(pod, port));
  return { node: await nodeOf(context, pod), path };
}

function servicePort(service: Service, port: string): ServicePort {
  const ports = service.spec?.ports ?? [];
  const found =
    port === ''
      ? ports.length === 1
        ? ports[0]
        : undefined
      : ports.find((p) => p.name === port || String(p.port) === port);
  if (found) return found;
  throw new StatusError(
    'ServiceUnavailable',
    `no service port "${port}" found for service "${service.metadata?.name}"`,
  );
}

/** One ready endpoint of the service, at random. */
async function endpointOf(
  context: HandlerContext,
  service: string,
  port: ServicePort,
): Promise<{ pod: string; port: number }> {
  const { deps, info } = context;
  const { items } = await deps.store.list('endpointslices.discovery.k8s.io', { namespace: info.namespace });
  const found: { pod: string; port: number }[] = [];
  for (const { object } of items) {
    if (object.metadata.labels?.[serviceNameLabel] !== service) continue;
    const slice = object as unknown as EndpointSlice;
    const number = slice.ports?.find(({ name }) => (name ?? '') === (port.name ?? ''))?.port;
    if (number === undefined) continue;
    for (const endpoint of slice.endpoints ?? []) {
      if (endpoint.conditions?.ready === false || endpoint.targetRef?.kind !== 'Pod') continue;
      found.push({ pod: endpoint.targetRef.name ?? '', port: number });
    }
  }
  const chosen = found[found.length > 1 ? randomBelow(deps, found.length) : 0];
  if (!chosen) throw new StatusError('ServiceUnavailable', `no endpoints available for service "${service}"`);
  return chosen;
}

export async function serviceProxyTarget(context: HandlerContext): Promise<Tunnel> {
  const { deps, info } = context;
  const { scheme, name, port } = targetOf(info.name);
  const stored = await deps.store.get('services', { namespace: info.namespace, name });
  if (!stored) throw notFound({ plural: 'services', group: '' }, name);
  const endpoint = await endpointOf(context, name, servicePort(stored.object as Service, port));
  const pod = await podOf(context, endpoint.pod);
  return { node: await nodeOf(context, pod), path: podPath(context, pod, scheme, endpoint.port) };
}

export async function nodeProxyTarget(context: HandlerContext): Promise<Tunnel> {
  const { name } = targetOf(context.info.name);
  return { node: await nodeNamed(context.deps, name), path: `/${tail(context)}` };
}

const verbs = ['create', 'delete', 'get', 'patch', 'update'] as const;

export const podProxyHandler: SubresourceHandler = {
  verbs,
  discovery: { group: '', version: 'v1', kind: 'PodProxyOptions' },
  handle: async (context) => toFolder(context) ?? forward(context, await podProxyTarget(context)),
};
export const serviceProxyHandler: SubresourceHandler = {
  verbs,
  discovery: { group: '', version: 'v1', kind: 'ServiceProxyOptions' },
  handle: async (context) => toFolder(context) ?? forward(context, await serviceProxyTarget(context)),
};
export const nodeProxyHandler: SubresourceHandler = {
  verbs,
  discovery: { group: '', version: 'v1', kind: 'NodeProxyOptions' },
  handle: async (context) => toFolder(context) ?? forward(context, await nodeProxyTarget(context)),
};
