// From the bytes of a request body to a typed and defaulted object.
// Follows https://kubernetes.io/docs/reference/using-api/api-concepts/#field-validation
import { badRequest, type StatusError } from '../api/errors.ts';
import { kindFor } from '../api/kinds/index.ts';
import type { Kind } from '../api/kinds/kind.ts';
import type { KubeObject } from '../api/objects.ts';
import { decodeProtobuf } from '../api/protobuf.ts';
import type { RepeatedKeys } from '../api/schema/diagnose.ts';
import { DecodeError, decode } from '../api/schema/walker.ts';
import { JsonError, parseJson, parseYaml, YamlError } from '../api/strict-json.ts';
import type { Call } from './call.ts';
import { applyKindDefaults } from './defaults.ts';
import { bodyEncoding, type Encoding } from './negotiate.ts';
import type { FieldValidation } from './options.ts';
import { readBody } from './read-body.ts';
import { apiVersionOf } from './serialize.ts';

interface Parsed {
  value: unknown;
  /** Keys that stand twice in a JSON body. */
  repeated?: RepeatedKeys | undefined;
  /** What strict reading finds wrong with a YAML body, or with a patch. */
  strictErrors?: readonly string[];
}

const decoder = new TextDecoder();

/** Throws JsonError and YamlError. */
function parse(body: Uint8Array, encoding: 'json' | 'yaml'): Parsed {
  const text = decoder.decode(body);
  if (encoding === 'json') return parseJson(text);
  const { value, repeated } = parseYaml(text);
  return repeated.length > 0
    ? { value, strictErrors: [`yaml: unmarshal errors:\n  ${repeated.join('\n  ')}`] }
    : { value };
}

const isSyntaxError = (error: unknown): error is Error => error instanceof JsonError || error instanceof YamlError;

/** JSON or YAML, of whatever shape. `prefix` begins the message of a BadRequest. */
export function parseText(body: Uint8Array, encoding: 'json' | 'yaml', prefix: string): Parsed {
  try {
    return parse(body, encoding);
  } catch (error) {
    if (isSyntaxError(error)) throw badRequest(`${prefix}${error.message}`);
    throw error;
  }
}

const versionOf = (apiVersion: string): string => apiVersion.slice(apiVersion.indexOf('/') + 1);
/** The group as Go packages are named: "core", "apps", "networking". */
const label = (apiVersion: string): string => (apiVersion.includes('/') ? apiVersion.split(/[./]/)[0]! : 'core');

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/** The start of a body that could not be read, as kube-apiserver shows it. */
function summary(body: Uint8Array): string {
  if (body.length === 0) return '<empty>';
  const start = body.subarray(0, 30);
  const isJson = start[0] === '{'.charCodeAt(0);
  const shown = isJson ? decoder.decode(start) : [...start].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return body.length > 30 ? `${shown} ...` : shown;
}

const unrecognized = (expected: string, why: string, body: Uint8Array): StatusError =>
  badRequest(`the object provided is unrecognized (must be of type ${expected}): ${why} (${summary(body)})`);

/** JSON that is no object, in the words of Go's decoder. */
function notAnObject(value: unknown): string {
  const type = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
  const head =
    'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';
  return `couldn't get version/kind; json parse error: json: cannot unmarshal ${type} into Go value of type ${head}`;
}

/** What an object must be: its schema, and the words for it. */
export interface Expected {
  schema: string;
  kind: string;
  /** "v1", "apps/v1"; '' takes any (delete options come in the version of every group). */
  apiVersion: string;
}

export const expectedOf = (kind: Kind): Expected => ({
  schema: kind.schema,
  kind: kind.kind,
  apiVersion: apiVersionOf(kind),
});

/** Kind and version that a body names must be the expected ones; what is left out is filled in. Throws BadRequest. */
function checkType(value: Record<string, unknown>, expected: Expected): void {
  const kind = textOf(value['kind']) || expected.kind;
  const apiVersion = textOf(value['apiVersion']) || expected.apiVersion;
  const known = kindFor(apiVersion, kind);
  if (!known && expected.apiVersion && !(kind === expected.kind && apiVersion === expected.apiVersion)) {
    const why = `no kind "${kind}" is registered for version "${apiVersion}" in scheme "pkg/runtime/scheme.go:111"`;
    throw badRequest(`${kind} in version "${versionOf(apiVersion)}" cannot be handled as a ${expected.kind}: ${why}`);
  }
  if (kind !== expected.kind) {
    const why = `converting (${versionOf(apiVersion)}.${kind}) to (${label(expected.apiVersion)}.${expected.kind}): unknown conversion`;
    throw badRequest(`${kind} in version "${versionOf(apiVersion)}" cannot be handled as a ${expected.kind}: ${why}`);
  }
  if (expected.apiVersion && apiVersion !== expected.apiVersion) {
    throw badRequest(
      `the API version in the data (${apiVersion}) does not match the expected API version (${expected.apiVersion})`,
    );
  }
}

/** Strict: all findings at once, as kube-apiserver joins them. Warn: a warning each. */
function reportStrict(
  errors: readonly string[],
  expected: Expected,
  validation: FieldValidation,
  warnings: string[],
): void {
  if (errors.length === 0 || validation === 'Ignore') return;
  if (validation === 'Warn') warnings.push(...errors);
  else {
    const version = versionOf(expected.apiVersion);
    throw badRequest(
      `${expected.kind} in version "${version}" cannot be handled as a ${expected.kind}: strict decoding error: ${errors.join(', ')}`,
    );
  }
}

/** A parsed value as a typed object, not yet defaulted. Throws BadRequest. */
export function decodeParsed(
  parsed: Parsed,
  expected: Expected,
  validation: FieldValidation,
  warnings: string[],
): KubeObject {
  const { value, repeated, strictErrors: found = [] } = parsed;
  if (!isObject(value))
    throw badRequest(`the object provided is unrecognized (must be of type ${expected.kind}): ${notAnObject(value)}`);
  checkType(value, expected);
  try {
    const { value: object, strictErrors } = decode(expected.schema, value, repeated);
    reportStrict([...found, ...strictErrors], expected, validation, warnings);
    object.apiVersion = expected.apiVersion;
    object.kind = expected.kind;
    object.metadata ??= {};
    return object;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const version = versionOf(expected.apiVersion);
    throw badRequest(
      `${expected.kind} in version "${version}" cannot be handled as a ${expected.kind}: ${error.message}`,
    );
  }
}

/** A body of any encoding as a typed object, not yet defaulted. Throws BadRequest. */
export function decodeBody(
  body: Uint8Array,
  encoding: Encoding,
  expected: Expected,
  validation: FieldValidation,
  warnings: string[],
): KubeObject {
  if (encoding === 'protobuf') return decodeParsed({ value: protobufValue(body, expected) }, expected, 'Ignore', []);
  let parsed: Parsed;
  try {
    parsed = parse(body, encoding);
  } catch (error) {
    if (!isSyntaxError(error)) throw error;
    const where = encoding === 'json' ? "couldn't get version/kind; json parse error: " : '';
    throw unrecognized(expected.kind, `${where}${error.message}`, body);
  }
  if (parsed.value === null) parsed.value = {};
  if (!isObject(parsed.value)) throw unrecognized(expected.kind, notAnObject(parsed.value), body);
  return decodeParsed(parsed, expected, validation, warnings);
}

function protobufValue(body: Uint8Array, expected: Expected): KubeObject {
  try {
    const { apiVersion, kind, value } = decodeProtobuf(body);
    return { ...value, apiVersion, kind };
  } catch (error) {
    throw unrecognized(expected.kind, error instanceof Error ? error.message : 'not a protobuf message', body);
  }
}

/** The object of a POST or PUT. Throws BadRequest, UnsupportedMediaType and RequestEntityTooLarge. */
export async function readObject(
  call: Pick<Call, 'request' | 'warnings' | 'kind'>,
  validation: FieldValidation,
): Promise<KubeObject> {
  const encoding = bodyEncoding(call.request);
  const body = await readBody(call.request);
  const object = decodeBody(body, encoding, expectedOf(call.kind), validation, call.warnings);
  applyKindDefaults(call.kind, object);
  return object;
}
