// The API server: a hono application. A request walks request-info -> authenticate -> authorize -> (dispatch) admission ->
// verb -> store; what goes wrong on the way becomes a Status.
import { type Context, Hono } from 'hono';
import { badRequest, StatusError } from '../api/errors.ts';
import { findKind } from '../api/kinds/index.ts';
import { Hub } from '../store/hub.ts';
import { authenticate } from './authenticate/authenticate.ts';
import { impersonate } from './authenticate/impersonate.ts';
import { allOf, attributesOf } from './authorize/authorize.ts';
import { forbiddenByAuthorizer } from './authorize/forbidden.ts';
import type { ServerState } from './call.ts';
import { type Arrived, callOf, dispatch, kindOf } from './dispatch.ts';
import { addDocuments, noSuchResource, pageNotFound } from './documents.ts';
import { nodeProxyTarget, podProxyTarget, serviceProxyTarget } from './handlers/proxy.ts';
import { tunnelOf } from './handlers/stream.ts';
import { Metrics } from './metrics.ts';
import { requestInfo } from './request-info.ts';
import { handlerOf, hasGroup, hasGroupVersion } from './resources.ts';
import { respondStatus } from './respond.ts';
import type { ApiServer, ApiServerDeps, Authorizer, HandlerContext, Peer, Tunnel, User } from './server.ts';
import { connectAdmission } from './verbs/connect.ts';

/** What hono's handlers are handed besides the request: the work that was done before routing. */
interface Env {
  Bindings: { arrived: Arrived };
}

export function createApiServer(deps: ApiServerDeps): ApiServer {
  const hub = deps.hub ?? new Hub(deps.store);
  const server: ServerState = { deps, hub, metrics: new Metrics() };
  const unsubscribe = deps.store.onChange((resource) => server.metrics.storeChange(resource));
  const authorizer = allOf(deps.authorizers);
  const app = routes(server);
  return {
    fetch: (request, peer) =>
      serve(server, authorizer, request, peer, async (arrived) => app.fetch(request, { arrived })),
    upgrade: (request, peer) => upgrade(server, authorizer, request, peer),
    close: () => {
      unsubscribe();
      hub.close();
    },
  };
}

function routes(server: ServerState): Hono<Env> {
  // Routed by the path that was authorised: hono would read the URL's text in its own way, and another path from it.
  const app = new Hono<Env>({ getPath: (_request, options) => options!.env!.arrived.info.path });
  addDocuments(app as unknown as Hono, server);
  const resource = (c: Context<Env>): Response | Promise<Response> => {
    const { info } = c.env.arrived;
    if (info.isResource && hasGroupVersion(info.group, info.version)) return dispatch(server, c.env.arrived);
    if (hasGroup(info.group)) throw noSuchResource();
    return pageNotFound();
  };
  app.all('/api/:version/*', resource);
  app.all('/apis/:group/:version/*', resource);
  app.notFound(() => pageNotFound());
  app.onError((error) => {
    throw error;
  });
  return app;
}

/** Parses, authenticates and authorises, then hands on; every failure ends as a Status here. */
async function serve<T extends Tunnel | Response>(
  server: ServerState,
  authorizer: Authorizer,
  request: Request,
  peer: Peer,
  answer: (arrived: Arrived) => Promise<T>,
): Promise<T | Response> {
  const { clock } = server.deps;
  const startedMs = clock.now();
  const url = new URL(request.url);
  const query = url.searchParams;
  const warnings: string[] = [];
  let arrived: Arrived | undefined;
  let response: T | Response;
  try {
    const info = requestInfo(request.method, url, query);
    const user = await userOf(server, authorizer, request, peer);
    arrived = { request, url, query, info, user, peer, warnings };
    await allow(authorizer, user, arrived);
    response = await answer(arrived);
  } catch (error) {
    response = failure(server, { request, query, warnings }, error);
  }
  if (response instanceof Response) observe(server, arrived, response, clock.now() - startedMs);
  return response;
}

async function userOf({ deps }: ServerState, authorizer: Authorizer, request: Request, peer: Peer): Promise<User> {
  const caller = await authenticate(request, peer, deps.authenticators);
  return await impersonate(request, caller, authorizer);
}

/** Throws Forbidden. `verb`: another one than the request's own must be allowed. */
async function allow(authorizer: Authorizer, user: User, { info }: Arrived, verb = info.verb): Promise<void> {
  const attributes = attributesOf({ ...info, verb }, user);
  const decision = await authorizer(attributes);
  if (!decision.allowed) throw forbiddenByAuthorizer(attributes, decision.reason);
}

function failure(
  server: ServerState,
  asked: Pick<Arrived, 'request' | 'query' | 'warnings'>,
  error: unknown,
): Response {
  const status = asStatus(server, asked.request, error);
  return respondStatus(asked, status.code, status.toStatus());
}

/** An error that nobody expected: the log gets it whole, the client only that it happened. */
function asStatus(server: ServerState, request: Request, error: unknown): StatusError {
  if (error instanceof StatusError) return error;
  // JSON that is nested so deeply that no recursion gets to its bottom.
  if (error instanceof RangeError && /call stack/i.test(error.message))
    return badRequest('the object is nested too deeply');
  const fields = error instanceof Error ? { error: error.message, stack: error.stack } : { error: String(error) };
  server.deps.log('error', 'request.failed', {
    method: request.method,
    path: new URL(request.url).pathname,
    ...fields,
  });
  return new StatusError('InternalError', 'Internal error occurred: the request could not be completed', {
    causes: [{ message: 'the request could not be completed' }],
  });
}

const countedMethods = new Set(['get', 'post', 'put', 'patch', 'delete', 'head', 'options']);

/** Only names that this server knows become labels: what a caller makes up must not grow the counters. */
function observe(server: ServerState, arrived: Arrived | undefined, response: Response, tookMs: number): void {
  const info = arrived?.info;
  const kind = info?.isResource ? findKind(info.group, info.version, info.plural) : undefined;
  const subresource = kind && info ? info.subresource : '';
  const known = subresource === '' || subresource === 'status' || (kind && handlerOf(server.deps, kind, subresource));
  const verb = info?.verb ?? '';
  const labels = {
    verb: kind || countedMethods.has(verb) ? verb.toUpperCase() : 'OTHER',
    group: kind?.group ?? '',
    version: kind?.version ?? '',
    resource: kind?.plural ?? '',
    subresource: known ? subresource : 'other',
  };
  server.metrics.request(labels, response.status, tookMs / 1_000);
}

type Target = (context: HandlerContext) => Promise<Tunnel>;

const upgrades: ReadonlyMap<string, Target> = new Map([
  ['pods/exec', tunnelOf],
  ['pods/attach', tunnelOf],
  ['pods/portforward', tunnelOf],
  ['pods/proxy', podProxyTarget],
  ['services/proxy', serviceProxyTarget],
  ['nodes/proxy', nodeProxyTarget],
]);

/** exec, attach, port-forward and proxied upgrades: the same checks as any request, then a place to connect to. */
function upgrade(
  server: ServerState,
  authorizer: Authorizer,
  request: Request,
  peer: Peer,
): Promise<Tunnel | Response> {
  return serve<Tunnel | Response>(server, authorizer, request, peer, async (arrived) => {
    const { info } = arrived;
    const target =
      info.isResource && info.group === '' ? upgrades.get(`${info.plural}/${info.subresource}`) : undefined;
    if (!target) throw badRequest('this path takes no upgrade');
    const kind = kindOf(info);
    // A WebSocket handshake is a GET, yet it does what only a create may do.
    if (target === tunnelOf && info.verb !== 'create') await allow(authorizer, arrived.user, arrived, 'create');
    const context = callOf(server, arrived, kind);
    const tunnel = await target(context);
    await connectAdmission(context, kind);
    return tunnel;
  });
}
