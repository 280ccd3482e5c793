// OpenAPI 3: one document a group and version, as `kubectl explain` and `kubectl apply` read it.
// https://kubernetes.io/docs/concepts/overview/kubernetes-api/#openapi-v3
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

const reference = (schema: string): Json => ({ $ref: `#/components/schemas/${schema}` });
const content = (types: readonly string[], schema: string): Json =>
  Object.fromEntries(types.map((type) => [type, { schema: reference(schema) }]));

function operationOf(path: Path, operation: Operation): Json {
  const { kind, action } = operation;
  const types = action === 'patch' ? patchTypes : mediaTypes;
  return {
    tags: [
      groupVersionOf(kind)
        .replace(/^apis?\//, '')
        .replaceAll('/', '_'),
    ],
    operationId: operationId(path, operation),
    parameters: queryParameters(operation).map((name) => ({
      name,
      in: 'query',
      schema: { type: parameterType(name), uniqueItems: true },
    })),
    ...(operation.body
      ? {
          requestBody: {
            content: content(types, operation.body),
            required: action !== 'delete' && action !== 'deletecollection',
          },
        }
      : {}),
    responses: {
      '200': { description: 'OK', content: content(mediaTypes, operation.answer) },
      ...(action === 'post' || action === 'put' || action === 'patch'
        ? { '201': { description: 'Created', content: content(mediaTypes, operation.answer) } }
        : {}),
      '401': { description: 'Unauthorized' },
    },
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': { group: kind.group, kind: kind.kind, version: kind.version },
  };
}

const pathItem = (path: Path): Json => ({
  ...Object.fromEntries(path.operations.map((operation) => [operation.method, operationOf(path, operation)])),
  parameters: path.parameters.map((name) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string', uniqueItems: true },
  })),
});

/** FNV-1a, 64 bits: tells clients that keep documents whether theirs is still the one. */
function fingerprint(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (let index = 0; index < text.length; index++) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(text.charCodeAt(index))) * 0x100000001b3n);
  }
  return hash.toString(16).toUpperCase().padStart(16, '0');
}

const summary = (kinds: readonly Kind[]): string =>
  JSON.stringify([
    info.version,
    kinds.map((kind) => [kind.plural, kind.schema, kind.verbs, kind.hasStatus, kind.scale !== undefined]),
  ]);

function byGroupVersion(kinds: readonly Kind[]): Map<string, Kind[]> {
  const groups = new Map<string, Kind[]>();
  for (const kind of kinds) groups.set(groupVersionOf(kind), [...(groups.get(groupVersionOf(kind)) ?? []), kind]);
  return groups;
}

/** What /openapi/v3 answers. */
export function openapiV3Index(kinds: readonly Kind[]): Json {
  const groups = [...byGroupVersion(kinds)].sort(([a], [b]) => (a < b ? -1 : 1));
  const entry = (name: string, of: Kind[]) => ({
    serverRelativeURL: `/openapi/v3/${name}?hash=${fingerprint(summary(of))}`,
  });
  return { paths: Object.fromEntries(groups.map(([name, of]) => [name, entry(name, of)])) };
}

/** `groupVersion`: "api/v1", "apis/apps/v1". Undefined when nothing is served there. */
export function openapiV3Document(kinds: readonly Kind[], groupVersion: string): Json | undefined {
  const chosen = byGroupVersion(kinds).get(groupVersion);
  if (!chosen) return undefined;
  const paths = pathsFor(chosen);
  return {
    openapi: '3.0.0',
    info,
    paths: Object.fromEntries(paths.map((path) => [path.path, pathItem(path)])),
    components: { schemas: Object.fromEntries(namedSchemas(closure(schemasOf(paths)), chosen)) },
  };
}
