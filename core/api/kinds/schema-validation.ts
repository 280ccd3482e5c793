// For kinds with no rules of their own: what the schema says must be there, and which values it lists.
import type { FieldError } from '../errors.ts';
import { requiredValue } from '../field-errors.ts';
import type { KubeObject } from '../objects.ts';
import { schemaNamed } from '../schema/plan.ts';
import { enumErrors } from '../schema/walker.ts';

const prefix = '#/components/schemas/';

interface Node {
  $ref?: string;
  required?: string[];
  properties?: Record<string, Node>;
  items?: Node;
  additionalProperties?: Node;
}

const isEmpty = (value: unknown): boolean => value === undefined || value === null || value === '';

/** Fields that the schema demands and the object leaves out or empty, below its metadata. */
function requiredErrors(node: Node, value: unknown, path: string): FieldError[] {
  if (node.$ref) return requiredErrors(schemaNamed(node.$ref.slice(prefix.length)) as Node, value, path);
  if (Array.isArray(value)) return value.flatMap((item, i) => requiredErrors(node.items ?? {}, item, `${path}[${i}]`));
  if (typeof value !== 'object' || value === null || !node.properties) return [];
  const fields = value as Record<string, unknown>;
  const at = (name: string) => (path ? `${path}.${name}` : name);
  const missing = (node.required ?? []).filter((name) => isEmpty(fields[name])).map((name) => requiredValue(at(name)));
  const inner = Object.entries(node.properties)
    .filter(([name]) => fields[name] !== undefined && !(path === '' && name === 'metadata'))
    .flatMap(([name, part]) => requiredErrors(part, fields[name], at(name)));
  return [...missing, ...inner];
}

export const schemaErrors = (schema: string, object: KubeObject): FieldError[] => [
  ...requiredErrors(schemaNamed(schema) as Node, object, ''),
  ...enumErrors(schema, object),
];
