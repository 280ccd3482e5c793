// Messages of application/vnd.kubernetes.protobuf, compiled once: which field number holds which JSON field. Names in the
// descriptor are Go's own; embedded structs are messages there and nothing in JSON.
// protobuf-1.36.json: numbers and types of Kubernetes 1.36 (Apache-2.0, see NOTICE).
import { hasSchema, schemaNamed, structNamed } from './schema/plan.ts';
import descriptor from './schema/protobuf-1.36.json' with { type: 'json' };

interface RawField {
  type: string;
  id: number;
  rule?: string;
  keyType?: string;
}

interface RawNode {
  fields?: Readonly<Record<string, RawField>>;
  nested?: Readonly<Record<string, RawNode>>;
}

export type Encoding =
  | 'string'
  | 'bool'
  | 'int32'
  | 'int64'
  | 'bytes'
  | 'quantity'
  | 'time'
  | 'microTime'
  | 'intOrString'
  /** JSON inside of a bytes field, wrapped in a message. */
  | 'rawJson'
  /** A list of strings wrapped in a message. */
  | 'strings'
  | 'message';

export interface ProtoField {
  readonly id: number;
  /** Name in JSON. */
  readonly name: string;
  readonly encoding: Encoding;
  readonly shape: 'single' | 'repeated' | 'map';
  /** For `message`. */
  readonly message?: () => Message;
  /** The fields of the message belong to the JSON object around it. */
  readonly embedded: boolean;
  /** Absent is not the same as zero: written only when it is there. */
  readonly pointer: boolean;
}

export interface Message {
  /** Ascending numbers, the order in which they are written. */
  readonly fields: readonly ProtoField[];
  readonly byId: ReadonlyMap<number, ProtoField>;
}

const prefix = 'k8s.io.';
const raw = new Map<string, Readonly<Record<string, RawField>>>();

function collect(node: RawNode, path: string): void {
  for (const [name, child] of Object.entries(node.nested ?? {})) {
    const full = path ? `${path}.${name}` : name;
    if (child.fields) raw.set(full, child.fields);
    collect(child, full);
  }
}
collect(descriptor as RawNode, '');

const scalars: Readonly<Record<string, Encoding>> = {
  string: 'string',
  bool: 'bool',
  int32: 'int32',
  int64: 'int64',
  bytes: 'bytes',
};

const special: Readonly<Record<string, Encoding>> = {
  'k8s.io.apimachinery.pkg.api.resource.Quantity': 'quantity',
  'k8s.io.apimachinery.pkg.apis.meta.v1.Time': 'time',
  'k8s.io.apimachinery.pkg.apis.meta.v1.MicroTime': 'microTime',
  'k8s.io.apimachinery.pkg.util.intstr.IntOrString': 'intOrString',
  'k8s.io.apimachinery.pkg.runtime.RawExtension': 'rawJson',
  'k8s.io.apimachinery.pkg.apis.meta.v1.FieldsV1': 'rawJson',
  'k8s.io.apimachinery.pkg.apis.meta.v1.Verbs': 'strings',
  'k8s.io.api.authentication.v1.ExtraValue': 'strings',
  'k8s.io.api.authorization.v1.ExtraValue': 'strings',
  'k8s.io.api.certificates.v1.ExtraValue': 'strings',
};

/** The schema of a message's type. */
export const schemaOfMessage = (message: string): string => `io.k8s.${message.slice(prefix.length)}`;

/** A type is named absolutely (`.k8s.io...`) or beside the message that uses it. */
function resolve(type: string, from: string): string {
  if (type.startsWith('.')) return type.slice(1);
  return `${from.slice(0, from.lastIndexOf('.'))}.${type}`;
}

const compiled = new Map<string, Message>();

export function messageNamed(name: string): Message {
  const known = compiled.get(name);
  if (known) return known;
  const schema = schemaOfMessage(name);
  const properties = hasSchema(schema) ? (schemaNamed(schema).properties ?? {}) : undefined;
  const inJson = new Map(Object.keys(properties ?? {}).map((field) => [field.toLowerCase(), field]));
  const fields = Object.entries(raw.get(name)!)
    .map(([field, own]): ProtoField => {
      const jsonName = properties ? inJson.get(field.toLowerCase()) : field;
      const embedded = jsonName === undefined;
      const type = scalars[own.type] ? own.type : resolve(own.type, name);
      const encoding = scalars[type] ?? special[type] ?? 'message';
      const fact = !embedded && properties ? structNamed(schema).byName.get(jsonName) : undefined;
      return {
        id: own.id,
        name: jsonName ?? field,
        encoding,
        shape: own.keyType ? 'map' : own.rule === 'repeated' ? 'repeated' : 'single',
        ...(encoding === 'message' ? { message: () => messageNamed(type) } : {}),
        embedded,
        pointer: fact ? fact.pointer : !embedded,
      };
    })
    .sort((a, b) => a.id - b.id);
  const message: Message = { fields, byId: new Map(fields.map((field) => [field.id, field])) };
  compiled.set(name, message);
  return message;
}

const meta = 'k8s.io.apimachinery.pkg.apis.meta.v1';

/**
 * The message of an object by its apiVersion and kind ("apps/v1", "Deployment"); options, statuses and the like exist in every
 * group. undefined: there is none (tables, custom resources).
 */
export function messageOf(apiVersion: string, kind: string): string | undefined {
  const slash = apiVersion.indexOf('/');
  const group = slash < 0 ? 'core' : apiVersion.slice(0, slash).split('.')[0];
  const version = apiVersion.slice(slash + 1);
  return [`k8s.io.api.${group}.${version}.${kind}`, `${meta}.${kind}`].find((name) => raw.has(name));
}
