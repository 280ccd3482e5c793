// Answers that are the same for everyone: version, discovery, OpenAPI, metrics, the list of paths.
import type { Context, Hono } from 'hono';
import { StatusError } from '../api/errors.ts';
import { kinds } from '../api/kinds/index.ts';
import { prometheusContentType } from '../api/prometheus.ts';
import type { ServerState } from './call.ts';
import {
  aggregated,
  aggregatedVersion,
  apiGroupList,
  apiVersions,
  groupDocument,
  groupPaths,
  resourceList,
} from './discovery.ts';
import { health, healthPaths } from './health.ts';
import { type Accepted, negotiate, notAcceptable } from './negotiate.ts';
import { respondValue } from './respond.ts';

const textHeaders = {
  'content-type': 'text/plain; charset=utf-8',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-cache, private',
};

/** A path below one that is served. */
export const noSuchResource = (): StatusError =>
  new StatusError('NotFound', 'the server could not find the requested resource', {});

/** What kube-apiserver answers for a path that nothing serves. */
export const pageNotFound = (): Response => new Response('404 page not found\n', { status: 404, headers: textHeaders });

const queryOf = (c: Context): URLSearchParams => new URL(c.req.url).searchParams;

function value(c: Context, document: object | undefined): Response {
  if (!document) return pageNotFound();
  const query = queryOf(c);
  const accepted: Accepted = { ...negotiate(c.req.raw, query, false, false), form: 'object' };
  return respondValue({ request: c.req.raw, query, warnings: [] }, 200, document, accepted);
}

async function etagOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return [...digest]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('')
    .toUpperCase();
}

/** A document that clients keep: answered with its tag, and with 304 to those who have it. */
async function tagged(c: Context, body: string | Uint8Array, contentType: string): Promise<Response> {
  const bytes = (typeof body === 'string' ? new TextEncoder().encode(body) : body) as Uint8Array<ArrayBuffer>;
  const etag = `"${await etagOf(bytes)}"`;
  const headers = { 'content-type': contentType, etag, vary: 'Accept', 'cache-control': 'no-cache, private' };
  if (c.req.header('if-none-match') === etag) return new Response(null, { status: 304, headers });
  return new Response(bytes, { headers });
}

/** Aggregated discovery if the client takes it, otherwise the legacy document. */
async function discovery(c: Context, server: ServerState, core: boolean, legacy: () => object): Promise<Response> {
  const version = aggregatedVersion(c.req.header('accept') ?? '');
  if (!version) return value(c, legacy());
  const text = JSON.stringify(aggregated(server.deps, core, version));
  return await tagged(c, text, `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`);
}

const v3Prefix = '/openapi/v3/';

async function openapiV3(c: Context): Promise<Response> {
  const { openapiV3Document, openapiV3Index } = await import('../api/openapi/v3.ts');
  const path = new URL(c.req.url).pathname;
  if (path.length < v3Prefix.length) return c.json(openapiV3Index(kinds));
  const document = openapiV3Document(kinds, path.slice(v3Prefix.length));
  if (!document) return pageNotFound();
  return await tagged(c, JSON.stringify(document), 'application/json');
}

async function openapiV2(c: Context): Promise<Response> {
  // Go clients ask for protobuf, and some for nothing else.
  const accept = c.req.header('accept') ?? '*/*';
  const { openapiV2: documentOf } = await import('../api/openapi/v2.ts');
  const { openapiV2Protobuf, openapiV2ProtobufTypes } = await import('../api/openapi/v2-protobuf.ts');
  if (openapiV2ProtobufTypes.some((type) => accept.includes(type))) {
    return await tagged(c, openapiV2Protobuf(documentOf(kinds)), openapiV2ProtobufTypes[1]);
  }
  if (!/application\/json|\*\/\*|application\/\*/.test(accept)) throw notAcceptable();
  return await tagged(c, JSON.stringify(documentOf(kinds)), 'application/json');
}

const rootPaths = (server: ServerState): string[] => [
  ...groupPaths(),
  ...healthPaths(),
  '/metrics',
  '/openapi/v2',
  '/openapi/v3',
  ...(server.deps.documents?.keys() ?? []),
  '/version',
];

/** The oldest version whose clients and data this one still understands, as kube-apiserver counts: one minor back. */
const versionDocument = ({ deps: { version } }: ServerState): object => ({
  ...version,
  emulationMajor: version.major,
  emulationMinor: version.minor,
  minCompatibilityMajor: version.major,
  minCompatibilityMinor: String(Number.parseInt(version.minor, 10) - 1),
  gitCommit: '',
  gitTreeState: '',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: '',
  compiler: '',
});

/** All of them answer GET alone. */
export function addDocuments(app: Hono, server: ServerState): void {
  app.get('/', (c) => value(c, { paths: rootPaths(server).sort() }));
  app.get('/version', (c) => value(c, versionDocument(server)));
  app.get('/version/', (c) => value(c, versionDocument(server)));
  app.get('/version/*', () => {
    throw noSuchResource();
  });
  for (const endpoint of ['healthz', 'livez', 'readyz']) {
    app.get(`/${endpoint}`, (c) => health(server.deps, endpoint, '', queryOf(c)));
    app.get(`/${endpoint}/:check`, (c) => health(server.deps, endpoint, c.req.param('check'), queryOf(c)));
  }
  app.get(
    '/metrics',
    () => new Response(server.metrics.text(), { headers: { 'content-type': prometheusContentType } }),
  );
  const core = (c: Context): Promise<Response> =>
    discovery(c, server, true, () => apiVersions(new URL(c.req.url).host));
  const groups = (c: Context): Promise<Response> => discovery(c, server, false, apiGroupList);
  for (const slash of ['', '/']) {
    app.get(`/api${slash}`, core);
    app.get(`/apis${slash}`, groups);
    app.get(`/api/:version${slash}`, (c) => value(c, resourceList(server.deps, '', c.req.param('version'))));
    app.get(`/apis/:group${slash}`, (c) => value(c, groupDocument(c.req.param('group'))));
    app.get(`/apis/:group/:version${slash}`, (c) => {
      const { group = '', version = '' } = c.req.param();
      const document = resourceList(server.deps, group, version);
      if (!document && groupDocument(group)) throw noSuchResource();
      return value(c, document);
    });
  }
  app.get('/openapi/v2', openapiV2);
  app.get('/openapi/v3', openapiV3);
  app.get('/openapi/v3/*', openapiV3);
  for (const [path, { contentType, body }] of server.deps.documents ?? []) {
    app.get(
      path,
      () => new Response(body(), { headers: { 'content-type': contentType, 'cache-control': 'public, max-age=3600' } }),
    );
  }
}
