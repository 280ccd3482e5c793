// Which form an answer takes: JSON, YAML or protobuf; whole objects, tables or metadata only.
// Follows https://kubernetes.io/docs/reference/using-api/api-concepts/#alternate-representations-of-resources
import { StatusError } from '../api/errors.ts';

export type Encoding = 'json' | 'yaml' | 'protobuf';
export type Form = 'object' | 'table' | 'metadata';

export interface Accepted {
  encoding: Encoding;
  form: Form;
  /** Version of meta.k8s.io for tables and metadata. */
  formVersion: 'v1' | 'v1beta1';
  /** The kind of metadata that was asked for by name: of one object or of a list. */
  as?: 'PartialObjectMetadata' | 'PartialObjectMetadataList';
  pretty: boolean;
}

export const mediaTypes: Readonly<Record<Encoding, string>> = {
  json: 'application/json',
  yaml: 'application/yaml',
  protobuf: 'application/vnd.kubernetes.protobuf',
};

const encodings: ReadonlyMap<string, Encoding> = new Map([
  ['application/json', 'json'],
  ['application/yaml', 'yaml'],
  ['application/vnd.kubernetes.protobuf', 'protobuf'],
]);

interface Clause {
  type: string;
  parameters: Map<string, string>;
  quality: number;
}

function parseAccept(header: string): Clause[] {
  const clauses: Clause[] = [];
  for (const part of header.split(',')) {
    const [type = '', ...rest] = part.split(';');
    const parameters = new Map<string, string>();
    let quality = 1;
    for (const text of rest) {
      const equals = text.indexOf('=');
      if (equals < 0) continue;
      const key = text.slice(0, equals).trim().toLowerCase();
      const value = text
        .slice(equals + 1)
        .trim()
        .replace(/^"(.*)"$/, '$1');
      if (key === 'q') quality = Number.parseFloat(value) || 0;
      else parameters.set(key, value);
    }
    clauses.push({ type: type.trim().toLowerCase(), parameters, quality });
  }
  // Sorting is stable: clauses of one quality keep the client's order.
  return clauses.sort((a, b) => b.quality - a.quality);
}

const encodingOf = (type: string): Encoding | undefined =>
  type === '*/*' || type === 'application/*' ? 'json' : encodings.get(type);

function formOf(
  parameters: ReadonlyMap<string, string>,
  encoding: Encoding,
): Pick<Accepted, 'form' | 'formVersion' | 'as'> | undefined {
  const as = parameters.get('as');
  const version = parameters.get('v');
  if (as === undefined && version === undefined && parameters.get('g') === undefined) {
    return { form: 'object', formVersion: 'v1' };
  }
  if (parameters.get('g') !== 'meta.k8s.io' || (version !== 'v1' && version !== 'v1beta1')) return undefined;
  if (as === 'Table') return encoding === 'protobuf' ? undefined : { form: 'table', formVersion: version };
  if (as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList')
    return { form: 'metadata', formVersion: version, as };
  return undefined;
}

/** `stream`: for a watch, which has no YAML. `transforms` false: the endpoint serves no tables or metadata. Throws NotAcceptable. */
export function negotiate(request: Request, query: URLSearchParams, stream = false, transforms = true): Accepted {
  const header = request.headers.get('accept') ?? '';
  const agent = request.headers.get('user-agent') ?? '';
  const asked = query.get('pretty');
  const pretty = asked
    ? /^(1|t|true)$/i.test(asked)
    : agent.startsWith('curl') || agent.startsWith('Wget') || agent.startsWith('Mozilla/5.0');
  if (header === '' || header === 'application/json' || header === '*/*') {
    return { encoding: 'json', form: 'object', formVersion: 'v1', pretty };
  }
  const parsed = parseAccept(header);
  for (const { type, parameters, quality } of parsed) {
    const encoding = encodingOf(type);
    if (!encoding || quality === 0 || (stream && encoding === 'yaml')) continue;
    const streamKind = parameters.get('stream');
    if (streamKind && streamKind !== 'watch') continue;
    const form = formOf(parameters, encoding);
    if (!form || (!transforms && form.form !== 'object')) continue;
    return { encoding, ...form, pretty: pretty || parameters.get('pretty') === '1' };
  }
  throw parsed.some(({ type }) => encodingOf(type)) ? notAcceptable(stream) : unknownType();
}

/** Nothing that was asked for is a form that any answer could take. */
const unknownType = (): StatusError =>
  new StatusError(
    'NotAcceptable',
    '406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, application/vnd.kubernetes.protobuf, application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch',
    {},
  );

export const notAcceptable = (stream = false): StatusError =>
  new StatusError(
    'NotAcceptable',
    `only the following media types are accepted: ${
      stream
        ? 'application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch'
        : 'application/json, application/yaml, application/vnd.kubernetes.protobuf'
    }`,
  );

const unsupported = (accepted: string): StatusError =>
  new StatusError(
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${accepted}`,
  );

/** The media type itself, without parameters, in lower case. */
export const mediaType = (request: Request): string =>
  (request.headers.get('content-type') ?? '').split(';')[0]!.trim().toLowerCase();

/** Encoding of a POST or PUT body; none named is JSON. Throws UnsupportedMediaType. */
export function bodyEncoding(request: Request): Encoding {
  const type = mediaType(request);
  if (type === '') return 'json';
  const encoding = encodings.get(type);
  if (!encoding) throw unsupported('application/json, application/yaml, application/vnd.kubernetes.protobuf');
  return encoding;
}

export type PatchKind = 'json' | 'merge' | 'strategic';

const patchKinds: ReadonlyMap<string, PatchKind> = new Map([
  ['application/json-patch+json', 'json'],
  ['application/merge-patch+json', 'merge'],
  ['application/strategic-merge-patch+json', 'strategic'],
]);

/** Throws UnsupportedMediaType; server-side apply is among what is not supported. */
export function patchKind(request: Request): PatchKind {
  const type = mediaType(request);
  const kind = patchKinds.get(type);
  if (kind) return kind;
  if (type.startsWith('application/apply-patch')) {
    throw new StatusError(
      'UnsupportedMediaType',
      `server-side apply (${type}) is not supported by this API server; use client-side apply. Accepted media types include: ${[...patchKinds.keys()].join(', ')}`,
    );
  }
  throw new StatusError('UnsupportedMediaType', '415: Unsupported Media Type', {});
}
