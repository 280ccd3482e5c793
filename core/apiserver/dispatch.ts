// Finds who answers a resource request: a verb, or the handler of a subresource.
import { StatusError } from '../api/errors.ts';
import { findKind } from '../api/kinds/index.ts';
import type { Kind, Verb } from '../api/kinds/kind.ts';
import type { KubeObject } from '../api/objects.ts';
import { applyDefaults } from '../api/schema/walker.ts';
import type { Call, ServerState } from './call.ts';
import { decodeBody, type Expected } from './decode-body.ts';
import { noSuchResource } from './documents.ts';
import { bodyEncoding, negotiate } from './negotiate.ts';
import { readBody } from './read-body.ts';
import { handlerOf } from './resources.ts';
import { respondValue } from './respond.ts';
import type { HandlerContext, Peer, RequestInfo, SubresourceHandler, User } from './server.ts';
import { create } from './verbs/create.ts';
import { remove } from './verbs/delete.ts';
import { deleteCollection } from './verbs/delete-collection.ts';
import { get } from './verbs/get.ts';
import { list } from './verbs/list.ts';
import { patch } from './verbs/patch.ts';
import { metricsGroup, metricsVerbs } from './verbs/read-metrics.ts';
import { update } from './verbs/update.ts';
import { watch } from './verbs/watch.ts';

const verbs: Readonly<Record<Verb, (call: Call) => Promise<Response>>> = {
  create,
  get,
  list,
  watch,
  update,
  patch,
  delete: remove,
  deletecollection: deleteCollection,
};

const wrongMethod = (): StatusError =>
  new StatusError('MethodNotAllowed', 'the server does not allow this method on the requested resource', {});

const ofCollections: ReadonlySet<string> = new Set(['list', 'watch', 'deletecollection']);

/** What a path names, before anybody looks at the method. Throws NotFound. */
export function kindOf(info: RequestInfo): Kind {
  const kind = findKind(info.group, info.version, info.plural);
  if (!kind) throw noSuchResource();
  if (info.watchInPath && (info.subresource !== '' || !kind.verbs.includes('watch'))) throw noSuchResource();
  // The name of a list or watch comes from its field selector, unless it stands in the path.
  const named = info.name !== '' && (info.watchInPath === true || !ofCollections.has(info.verb));
  // A namespace lies in itself alone: rights within one namespace must not reach another, nor the list of them.
  const inNamespace = info.namespace !== '' && !(info.plural === 'namespaces' && info.name === info.namespace);
  if (kind.namespaced ? !inNamespace && named : inNamespace) throw noSuchResource();
  return kind;
}

export interface Arrived {
  request: Request;
  url: URL;
  query: URLSearchParams;
  info: RequestInfo;
  user: User;
  peer: Peer;
  warnings: string[];
}

export function callOf(server: ServerState, arrived: Arrived, kind: Kind): Call {
  const { request, warnings } = arrived;
  return {
    ...arrived,
    kind,
    deps: server.deps,
    server,
    readBody: async (schema) => {
      const expected = expectedOfSchema(schema);
      const object = decodeBody(await readBody(request), bodyEncoding(request), expected, 'Warn', warnings);
      applyDefaults(schema, object);
      return object;
    },
  };
}

/** `io.k8s.api.authentication.v1.TokenRequest`: kind and version are its last parts; the group is the path's affair. */
function expectedOfSchema(schema: string): Expected {
  return { schema, kind: schema.slice(schema.lastIndexOf('.') + 1), apiVersion: '' };
}

/** What is behind a proxy knows its methods itself: HEAD and OPTIONS, which have no verb of their own, go through too. */
const passesEveryMethod = (info: RequestInfo): boolean => info.subresource === 'proxy';

/** Throws NotFound and MethodNotAllowed, and whatever the verb throws. */
export async function dispatch(server: ServerState, arrived: Arrived): Promise<Response> {
  const { info } = arrived;
  const { method } = arrived.request;
  const kind = kindOf(info);
  if (method === 'HEAD' && !passesEveryMethod(info)) throw wrongMethod();
  if (info.watchInPath && method !== 'GET') throw wrongMethod();
  if (kind.deprecation) arrived.warnings.push(kind.deprecation);
  const call = callOf(server, arrived, kind);
  const isStatus = info.subresource === 'status' && kind.hasStatus;
  if (info.subresource !== '' && !isStatus) {
    const handler = handlerOf(server.deps, kind, info.subresource);
    if (!handler) throw noSuchResource();
    return await answer(call, handler);
  }
  if (isStatus) {
    if (info.verb !== 'get' && info.verb !== 'update' && info.verb !== 'patch') throw wrongMethod();
    return await verbs[info.verb](call);
  }
  const posted = handlerOf(server.deps, kind, '');
  if (posted) {
    if (info.verb === 'create' && (!kind.namespaced || info.namespace)) return await answer(call, posted);
    throw info.name ? noSuchResource() : wrongMethod();
  }
  const verb = info.verb as Verb;
  const perform = (kind.group === metricsGroup ? metricsVerbs : verbs)[verb];
  if (!kind.verbs.includes(verb) || !perform) throw wrongMethod();
  // Only reads go across namespaces, and only a collection is posted to.
  const needsNamespace = verb === 'create' || verb === 'deletecollection';
  if (kind.namespaced && !info.namespace && needsNamespace) throw wrongMethod();
  if (verb === 'create' && info.name) throw wrongMethod();
  if ((verb === 'update' || verb === 'patch' || verb === 'delete') && !info.name) throw wrongMethod();
  return await perform(call);
}

async function answer(call: Call, handler: SubresourceHandler): Promise<Response> {
  if (!handler.verbs.includes(call.info.verb as Verb) && !passesEveryMethod(call.info)) throw wrongMethod();
  // What is only posted has no rows: who takes nothing but a table is told before anything happens.
  if (call.info.subresource === '') negotiate(call.request, call.query, false, false);
  const context: HandlerContext = call;
  const result = await handler.handle(context);
  if (result instanceof Response) return result;
  const accepted = negotiate(call.request, call.query, false, false);
  return respondValue(call, statusOf(call, result), result, accepted);
}

const statusOf = (call: Call, result: KubeObject): number =>
  call.info.verb !== 'create'
    ? 200
    : result.kind === 'Status' && typeof result['code'] === 'number'
      ? result['code']
      : 201;
