// OpenAPI 2 (Swagger): one document for all, for older clients and code generators.
import type { Kind } from '../kinds/kind.ts';
import {
  groupVersionOf,
  info,
  mediaTypes,
  type Operation,
  operationId,
  type Path,
  parameterType,
  patchTypes,
  pathsFor,
  queryParameters,
  schemasOf,
} from './paths.ts';
import { closure, type Json, namedSchemas } from './schemas.ts';

const reference = (schema: string): Json => ({ $ref: `#/definitions/${schema}` });

/** OpenAPI 2 knows no oneOf: a quantity is a string there, and so is what may be a number or a string. */
function translate(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(translate);
  if (value === null || typeof value !== 'object') return value;
  const fields = value as Json;
  const ref = fields['$ref'];
  if (typeof ref === 'string') return { ...fields, $ref: ref.replace('#/components/schemas/', '#/definitions/') };
  const { oneOf, ...kept } = fields;
  const translated = Object.fromEntries(Object.entries(kept).map(([field, inner]) => [field, translate(inner)]));
  return Array.isArray(oneOf) ? { type: 'string', ...translated } : translated;
}

function operationOf(path: Path, operation: Operation): Json {
  const { kind, action, body } = operation;
  const query = queryParameters(operation).map((name) => ({
    name,
    in: 'query',
    type: parameterType(name),
    uniqueItems: true,
  }));
  const answer = { description: 'OK', schema: reference(operation.answer) };
  return {
    consumes: action === 'patch' ? patchTypes : ['*/*'],
    produces: mediaTypes,
    schemes: ['https'],
    tags: [
      groupVersionOf(kind)
        .replace(/^apis?\//, '')
        .replaceAll('/', '_'),
    ],
    operationId: operationId(path, operation),
    parameters: body ? [{ name: 'body', in: 'body', schema: reference(body) }, ...query] : query,
    responses: { '200': answer, '401': { description: 'Unauthorized' } },
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': { group: kind.group, kind: kind.kind, version: kind.version },
  };
}

const pathItem = (path: Path): Json => ({
  ...Object.fromEntries(path.operations.map((operation) => [operation.method, operationOf(path, operation)])),
  parameters: path.parameters.map((name) => ({ name, in: 'path', required: true, type: 'string', uniqueItems: true })),
});

export function openapiV2(kinds: readonly Kind[]): Json {
  const paths = pathsFor(kinds);
  return {
    swagger: '2.0',
    info,
    paths: Object.fromEntries(paths.map((path) => [path.path, pathItem(path)])),
    definitions: Object.fromEntries(
      namedSchemas(closure(schemasOf(paths)), kinds).map(([name, schema]) => [name, translate(schema)]),
    ),
    securityDefinitions: { BearerToken: { type: 'apiKey', name: 'authorization', in: 'header' } },
    security: [{ BearerToken: [] }],
  };
}
