// Schemas compiled once into plans, which the walkers (decode, defaults, enums, patches, managed fields) follow.
// schemas-1.36.json: types, list keys and the like; go-fields-1.36.json: for each type the JSON fields in the order in which
// Go writes them, as `name|flags|type|embedded` - p: pointer, o: omitempty, z: omitzero, -: none; what is left out follows
// from the schema. Facts of Kubernetes 1.36 (Apache-2.0, see NOTICE).
import goFields from './go-fields-1.36.json' with { type: 'json' };
import schemas from './schemas-1.36.json' with { type: 'json' };

/** A JSON schema as the API documents use it; those of custom resources have the same form. */
export interface Schema {
  readonly type?: string;
  readonly format?: string;
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly nullable?: boolean;
  readonly oneOf?: readonly Schema[];
  readonly 'x-kubernetes-list-type'?: string;
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-map-type'?: string;
  readonly 'x-kubernetes-patch-merge-key'?: string;
  readonly 'x-kubernetes-patch-strategy'?: string;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly 'x-kubernetes-embedded-resource'?: boolean;
}

export type NodeKind =
  | 'struct'
  | 'map'
  | 'list'
  | 'string'
  | 'bytes'
  | 'int32'
  | 'int64'
  | 'float'
  | 'bool'
  | 'quantity'
  | 'time'
  | 'microTime'
  | 'intOrString'
  | 'any';

export interface Node {
  readonly kind: NodeKind;
  /** As Go prints the type ("v1.PodSpec", "[]string"), for messages. */
  readonly goType: string;
  /** Fields of a struct, compiled when first asked for (types refer to one another). */
  readonly struct?: () => Struct;
  /** Elements of a list, values of a map. */
  readonly element?: Node;
  readonly schema: Schema;
}

export interface Field {
  readonly name: string;
  readonly node: Node;
  readonly pointer: boolean;
  readonly omitEmpty: boolean;
  readonly omitZero: boolean;
  /** Go's names of the embedded structs between the struct and this field, which its messages name too. */
  readonly embedded: readonly string[];
  /** The field's own schema: it carries the list and patch keywords, defaults and enums. */
  readonly schema: Schema;
}

export interface Struct {
  /** Go's name of the type ("PodSpec"). */
  readonly name: string;
  readonly fields: readonly Field[];
  readonly byName: ReadonlyMap<string, Field>;
  /** True for schemas of custom resources: no Go type stands behind, values are kept as they are. */
  readonly structural: boolean;
  readonly preserveUnknown: boolean;
}

const refPrefix = '#/components/schemas/';
const builtIn = schemas as unknown as Readonly<Record<string, Schema>>;
const goFacts = goFields as Readonly<Record<string, readonly string[]>>;

export const schemaNames = (): string[] => Object.keys(builtIn);
export const hasSchema = (name: string): boolean => Object.hasOwn(builtIn, name);
export const schemaNamed = (name: string): Schema => {
  if (!hasSchema(name)) throw new Error(`no schema named ${name}`);
  return builtIn[name]!;
};
/** The schema's name in a `$ref`. */
export const refName = (ref: string): string => ref.slice(refPrefix.length);

const special: Readonly<Record<string, { kind: NodeKind; goType: string }>> = {
  'io.k8s.apimachinery.pkg.api.resource.Quantity': { kind: 'quantity', goType: 'resource.Quantity' },
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': { kind: 'intOrString', goType: 'intstr.IntOrString' },
  'io.k8s.apimachinery.pkg.apis.meta.v1.Time': { kind: 'time', goType: 'v1.Time' },
  'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime': { kind: 'microTime', goType: 'v1.MicroTime' },
  'io.k8s.apimachinery.pkg.runtime.RawExtension': { kind: 'any', goType: 'runtime.RawExtension' },
  'io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1': { kind: 'any', goType: 'v1.FieldsV1' },
};

const structs = new Map<string, Struct>();
const anyNode = (schema: Schema): Node => ({ kind: 'any', goType: 'interface {}', schema });

function scalarNode(schema: Schema): Node | undefined {
  if (schema['x-kubernetes-int-or-string'] || schema.format === 'int-or-string') {
    return { kind: 'intOrString', goType: 'intstr.IntOrString', schema };
  }
  switch (schema.type) {
    case 'string':
      return schema.format === 'byte'
        ? { kind: 'bytes', goType: '[]uint8', schema }
        : { kind: 'string', goType: 'string', schema };
    case 'integer':
      return schema.format === 'int32'
        ? { kind: 'int32', goType: 'int32', schema }
        : { kind: 'int64', goType: 'int64', schema };
    case 'number':
      return { kind: 'float', goType: 'float64', schema };
    case 'boolean':
      return { kind: 'bool', goType: 'bool', schema };
    default:
      return undefined;
  }
}

/** `goType` is given where Go has a named type that the schema does not tell ("v1.ResourceList"). */
export function compileNode(schema: Schema, goType?: string): Node {
  const node = bareNode(schema, goType);
  return goType ? { ...node, goType } : node;
}

function bareNode(schema: Schema, goType?: string): Node {
  if (schema.$ref) {
    const name = refName(schema.$ref);
    const known = special[name];
    if (known) return { ...known, schema: schemaNamed(name) };
    return namedNode(name);
  }
  const scalar = scalarNode(schema);
  if (scalar) return scalar;
  if (schema.type === 'array') {
    const elementType = goType?.startsWith('[]') ? goType.slice(2) : undefined;
    const element = schema.items ? compileNode(schema.items, elementType) : anyNode({});
    return { kind: 'list', goType: `[]${element.goType}`, element, schema };
  }
  if (schema.properties || schema['x-kubernetes-embedded-resource']) {
    let struct: Struct | undefined;
    return { kind: 'struct', goType: 'object', schema, struct: () => (struct ??= structuralStruct(schema)) };
  }
  if (schema.type === 'object' && typeof schema.additionalProperties === 'object') {
    const element = compileNode(schema.additionalProperties);
    return { kind: 'map', goType: `map[string]${element.goType}`, element, schema };
  }
  if (
    schema.type === 'object' &&
    schema.additionalProperties === undefined &&
    !schema['x-kubernetes-preserve-unknown-fields']
  ) {
    return { kind: 'any', goType: 'object', schema };
  }
  return anyNode(schema);
}

const named = new Map<string, Node>();

function namedNode(name: string): Node {
  const known = named.get(name);
  if (known) return known;
  const schema = schemaNamed(name);
  const node: Node = schema.properties
    ? { kind: 'struct', goType: name.split('.').slice(-2).join('.'), schema, struct: () => structNamed(name) }
    : (scalarNode(schema) ?? anyNode(schema));
  named.set(name, node);
  return node;
}

/** The plan of a built-in type. */
export function structNamed(name: string): Struct {
  const known = structs.get(name);
  if (known) return known;
  const schema = schemaNamed(name);
  const required = new Set(schema.required ?? []);
  const facts = goFacts[name] ?? Object.keys(schema.properties ?? {});
  const fields = facts.map((fact) => goField(fact, schema, required));
  const struct = structOf(name.slice(name.lastIndexOf('.') + 1), fields, false, false);
  structs.set(name, struct);
  return struct;
}

function goField(fact: string, schema: Schema, required: ReadonlySet<string>): Field {
  const [name, flagsGiven, goType, embedded] = fact.split('|') as [string, string?, string?, string?];
  const own = schema.properties![name]!;
  const node = compileNode(own, goType || undefined);
  const flags =
    flagsGiven ||
    (required.has(name) ? '' : own.$ref && node.kind === 'struct' && own.default === undefined ? 'po' : 'o');
  return {
    name,
    node,
    pointer: flags.includes('p'),
    omitEmpty: flags.includes('o'),
    omitZero: flags.includes('z'),
    embedded: embedded ? embedded.split('.') : [],
    schema: own,
  };
}

const structOf = (name: string, fields: Field[], structural: boolean, preserveUnknown: boolean): Struct => ({
  name,
  fields,
  byName: new Map(fields.map((field) => [field.name, field])),
  structural,
  preserveUnknown,
});

const objectMeta = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';

/** The plan of a custom resource's schema (or of a part of one). An object or embedded resource has metadata as all objects have. */
function structuralStruct(schema: Schema, isObject = false): Struct {
  const resource = isObject || schema['x-kubernetes-embedded-resource'] === true;
  const properties: Record<string, Schema> = { ...schema.properties };
  if (resource) {
    properties['apiVersion'] ??= { type: 'string' };
    properties['kind'] ??= { type: 'string' };
    properties['metadata'] = { $ref: refPrefix + objectMeta };
  }
  const fields = Object.entries(properties).map(
    ([name, own]): Field => ({
      name,
      node: compileNode(own),
      pointer: true,
      omitEmpty: true,
      omitZero: false,
      embedded: [],
      schema: own,
    }),
  );
  return structOf('', fields, true, schema['x-kubernetes-preserve-unknown-fields'] === true);
}

const custom = new WeakMap<Schema, Node>();

/** The plan of a built-in type by its schema's name, or of a custom resource by its schema. */
export function planOf(schema: string | Schema): Node {
  if (typeof schema === 'string') return namedNode(schema);
  let node = custom.get(schema);
  if (!node) {
    const struct = structuralStruct(schema, true);
    node = { kind: 'struct', goType: 'unstructured.Unstructured', schema, struct: () => struct };
    custom.set(schema, node);
  }
  return node;
}
