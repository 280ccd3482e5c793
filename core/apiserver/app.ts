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
import { Metrics, type RequestLabels } from './metrics.ts';
import { isLongRunning, isMutating, requestLabels } from './observe.ts';
import { requestInfo } from './request-info.ts';
import { hasGroup, hasGroupVersion } from './resources.ts';
import { respondStatus } from './respond.ts';
import type { ApiServer, ApiServerDeps, Authorizer, HandlerContext, Peer, Tunnel, User } from './server.ts';
import { NodeUsages } from './usage/ask-nodes.ts';
import { connectAdmission } from './verbs/connect.ts';

/** What hono's handlers are handed besides the request: the work that was done before routing. */
interface Env {
  Bindings: { arrived: Arrived };
}

export function createApiServer(deps: ApiServerDeps): ApiServer {
  const hub = deps.hub ?? new Hub(deps.store);
  const server: ServerState = { deps, hub, metrics: metricsOf(deps), usages: new NodeUsages(deps) };
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

function metricsOf({ metrics, store }: ApiServerDeps): Metrics {
  const { counts } = store;
  return new Metrics(metrics, counts && (() => counts.call(store)));
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
  let ended = (): void => {};
  try {
    const info = requestInfo(request.method, url, query);
    if (!isLongRunning(info)) ended = server.metrics.begun(isMutating(request.method));
    const user = await userOf(server, authorizer, request, peer);
    arrived = { request, url, query, info, user, peer, warnings };
    await allow(authorizer, user, arrived);
    response = await answer(arrived);
  } catch (error) {
    response = failure(server, { request, query, warnings }, error);
  }
  ended();
  if (response instanceof Response) observe(server, request, arrived, response.status, clock.now() - startedMs);
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

function observe(
  server: ServerState,
  request: Request,
  arrived: Arrived | undefined,
  code: number,
  tookMs: number,
): void {
  if (!arrived) {
    server.metrics.request(unreadable, code, tookMs / 1_000);
    return;
  }
  const { info, query } = arrived;
  const kind = info.isResource ? findKind(info.group, info.version, info.plural) : undefined;
  server.metrics.request(requestLabels(server.deps, request, query, info, kind), code, tookMs / 1_000);
}

/** Of a request that was refused before it was known what it asks for. */
const unreadable: RequestLabels = {
  verb: 'other',
  dry_run: '',
  group: '',
  version: '',
  resource: '',
  subresource: '',
  scope: '',
};

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
