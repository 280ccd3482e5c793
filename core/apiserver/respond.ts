// Answers in the form that was negotiated.
import { dump } from 'js-yaml';
import { StatusError } from '../api/errors.ts';
import type { Kind } from '../api/kinds/kind.ts';
import type { KubeObject } from '../api/objects.ts';
import { encodeProtobuf, hasProtobuf } from '../api/protobuf.ts';
import type { ListMeta, Status } from '../api/types.gen.ts';
import type { StoredObject } from '../store/store.ts';
import type { Call } from './call.ts';
import { type Accepted, type Encoding, mediaTypes, negotiate } from './negotiate.ts';
import { apiVersionOf, itemJson, objectJson, served } from './serialize.ts';
import { includeObject, partialObject, table } from './table.ts';
import type { Listed } from './verbs/list.ts';

/** What an answer needs to know of its request. */
export type Asked = Pick<Call, 'request' | 'query' | 'warnings'>;

const baseHeaders = { 'cache-control': 'no-cache, private' };

/** Quoted text of a Warning header, on one line and in ASCII. */
const quoted = (text: string): string =>
  `"${text.replace(/[^\x20-\x7e]+/g, ' ').replace(/[\\"]/g, (char) => `\\${char}`)}"`;

const maxWarnings = 60;

export function headersOf(warnings: readonly string[], contentType: string): Headers {
  const headers = new Headers(baseHeaders);
  headers.set('content-type', contentType);
  for (const warning of [...new Set(warnings)].slice(0, maxWarnings))
    headers.append('warning', `299 - ${quoted(warning)}`);
  return headers;
}

function send(asked: Asked, status: number, body: string | Uint8Array<ArrayBuffer>, encoding: Encoding): Response {
  if (asked.warnings.length === 0) {
    return new Response(body, { status, headers: { 'content-type': mediaTypes[encoding], ...baseHeaders } });
  }
  return new Response(body, { status, headers: headersOf(asked.warnings, mediaTypes[encoding]) });
}

/** Any value that is not a stored object: statuses, tables, reviews, lists of metadata. */
export function respondValue(asked: Asked, status: number, value: object, accepted: Accepted): Response {
  switch (accepted.encoding) {
    case 'json':
      return send(
        asked,
        status,
        accepted.pretty ? JSON.stringify(value, null, 2) : `${JSON.stringify(value)}\n`,
        'json',
      );
    case 'yaml':
      return send(asked, status, dump(value, { noRefs: true, lineWidth: -1, sortKeys: true }), 'yaml');
    case 'protobuf': {
      const { apiVersion = '', kind = '' } = value as Partial<KubeObject>;
      // The list of paths, the version and the like have no protobuf form.
      if (!hasProtobuf(apiVersion, kind)) return send(asked, status, JSON.stringify(value), 'json');
      return send(asked, status, encodeProtobuf(value as KubeObject) as Uint8Array<ArrayBuffer>, 'protobuf');
    }
  }
}

/** Without a form of its own: errors are answered in JSON whatever was asked, unless protobuf or YAML is understood. */
export function respondStatus(asked: Asked, code: number, status: Status): Response {
  let accepted: Accepted = { encoding: 'json', form: 'object', formVersion: 'v1', pretty: false };
  try {
    accepted = { ...negotiate(asked.request, asked.query), form: 'object' };
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
  }
  const response = respondValue(asked, code, status, accepted);
  const wait = status.details?.retryAfterSeconds;
  if (wait) response.headers.set('retry-after', String(wait));
  return response;
}

const prettied = (json: string): string => JSON.stringify(JSON.parse(json), null, 2);

/** The type as kube-apiserver names it: its package is the first word of the group. */
const goType = ({ group, kind }: Kind): string => `*${group.split('.')[0] || 'core'}.${kind}`;

const notThatForm = (asked: string, is: string, kind: string): StatusError =>
  new StatusError('NotAcceptable', `you requested ${asked}, but the requested object ${is} (${kind})`);

/** One stored object, as its kind. */
export function respondObject(call: Call, status: number, stored: StoredObject): Response {
  const accepted = negotiate(call.request, call.query);
  const { kind } = call;
  const { form, formVersion: version, encoding, pretty } = accepted;
  if (form === 'table') {
    const options = { include: includeObject(call.query), version, nowMs: call.deps.clock.now(), headers: true };
    const metadata = stored.revision === 0 ? {} : { resourceVersion: String(stored.revision) };
    return respondValue(call, status, table(kind, [stored], metadata, options), accepted);
  }
  if (accepted.as === 'PartialObjectMetadataList') throw notThatForm(accepted.as, 'is not a list', goType(kind));
  if (form === 'metadata')
    return respondValue(call, status, partialObject(kind, served(kind, stored), version), accepted);
  if (encoding === 'json') {
    const json = objectJson(kind, stored);
    return send(call, status, pretty ? prettied(json) : `${json}\n`, 'json');
  }
  return respondValue(
    call,
    status,
    { ...served(kind, stored), kind: kind.kind, apiVersion: apiVersionOf(kind) },
    accepted,
  );
}

/** What is not stored has no revision. */
function listMeta({ revision, continue: token, remaining }: Listed): ListMeta {
  return {
    ...(revision === 0 ? {} : { resourceVersion: String(revision) }),
    ...(token ? { continue: token } : {}),
    ...(remaining ? { remainingItemCount: remaining } : {}),
  };
}

/** A list of stored objects, as the list of their kind. */
export function respondList(call: Call, listed: Listed): Response {
  const accepted = negotiate(call.request, call.query);
  const { kind } = call;
  const metadata = listMeta(listed);
  const version = accepted.formVersion;
  if (accepted.form === 'table') {
    const options = { include: includeObject(call.query), version, nowMs: call.deps.clock.now(), headers: true };
    return respondValue(call, 200, table(kind, listed.items, metadata, options), accepted);
  }
  if (accepted.as === 'PartialObjectMetadata') throw notThatForm(accepted.as, 'is a list', `${goType(kind)}List`);
  if (accepted.form === 'metadata') {
    const items = listed.items.map((item) => partialObject(kind, served(kind, item), version));
    return respondValue(
      call,
      200,
      { kind: 'PartialObjectMetadataList', apiVersion: `meta.k8s.io/${version}`, metadata, items },
      accepted,
    );
  }
  const head = { kind: `${kind.kind}List`, apiVersion: apiVersionOf(kind), metadata };
  if (accepted.encoding !== 'json') {
    const items = listed.items.map((item) => withoutType(served(kind, item)));
    return respondValue(call, 200, { ...head, items }, accepted);
  }
  const json = `${JSON.stringify(head).slice(0, -1)},"items":[${listed.items.map((item) => itemJson(kind, item)).join(',')}]}`;
  return send(call, 200, accepted.pretty ? prettied(json) : `${json}\n`, 'json');
}

function withoutType({ apiVersion: _version, kind: _kind, ...rest }: KubeObject): object {
  return rest;
}
