// Writes core/api/schema/go-fields-1.36.json: what Go's types say beyond the schemas, shortened by what follows from these.
// Run by test/golden/recorder/record.sh with the file that its go-fields program printed.
import { readFileSync, writeFileSync } from 'node:fs';

interface Schema {
  type?: string;
  format?: string;
  $ref?: string;
  default?: unknown;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  additionalProperties?: Schema;
}

const schemasFile = new URL('../core/api/schema/schemas-1.36.json', import.meta.url);
const target = new URL('../core/api/schema/go-fields-1.36.json', import.meta.url);
const schemas = JSON.parse(readFileSync(schemasFile, 'utf8')) as Record<string, Schema>;
const goTypes = JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as Record<string, string[]>;

const refName = (ref: string): string => ref.slice('#/components/schemas/'.length);
/** Types that write themselves. */
const special: Record<string, string> = {
  'io.k8s.apimachinery.pkg.api.resource.Quantity': 'resource.Quantity',
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': 'intstr.IntOrString',
  'io.k8s.apimachinery.pkg.apis.meta.v1.Time': 'v1.Time',
  'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime': 'v1.MicroTime',
  'io.k8s.apimachinery.pkg.runtime.RawExtension': 'runtime.RawExtension',
  'io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1': 'v1.FieldsV1',
};

/** The Go type that core/api/schema/plan.ts derives from a schema. */
function derivedType(schema: Schema): string {
  if (schema.$ref) return special[refName(schema.$ref)] ?? refName(schema.$ref).split('.').slice(-2).join('.');
  switch (schema.type) {
    case 'string':
      return schema.format === 'byte' ? '[]uint8' : 'string';
    case 'integer':
      return schema.format ?? 'int64';
    case 'boolean':
      return 'bool';
    case 'number':
      return 'float64';
    case 'array':
      return `[]${derivedType(schema.items ?? {})}`;
    case 'object':
      return schema.additionalProperties ? `map[string]${derivedType(schema.additionalProperties)}` : 'object';
    default:
      return '?';
  }
}

function derivedFlags(name: string, field: Schema, required: ReadonlySet<string>): string {
  if (required.has(name)) return '';
  const ref = field.$ref ? refName(field.$ref) : undefined;
  const isStruct = ref !== undefined && !special[ref] && schemas[ref]?.properties !== undefined;
  return isStruct && field.default === undefined ? 'po' : 'o';
}

const lines: string[] = [];
for (const name of Object.keys(schemas).sort()) {
  const fields = goTypes[name];
  if (!fields) continue;
  const required = new Set(schemas[name]!.required ?? []);
  const facts = fields.map((fact) => {
    const [field, flags, type, embedded] = fact.split('|') as [string, string, string, string];
    const schema = schemas[name]!.properties![field]!;
    const parts = [
      field,
      flags === derivedFlags(field, schema, required) ? '' : flags || '-',
      type === derivedType(schema) ? '' : type,
      embedded.replace(/\.$/, ''),
    ];
    return parts.join('|').replace(/\|+$/, '');
  });
  lines.push(`${JSON.stringify(name)}:${JSON.stringify(facts)}`);
}
writeFileSync(target, `{\n${lines.join(',\n')}\n}\n`);
