// The paths of one group and version, in a form that OpenAPI 2 and 3 both are written from.
import type { Kind, Verb } from '../kinds/kind.ts';

export interface Operation {
  method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** As x-kubernetes-action says it. */
  action: 'get' | 'list' | 'post' | 'put' | 'patch' | 'delete' | 'deletecollection' | 'connect';
  kind: Kind;
  /** Schema of the body, undefined for none; of the answer. */
  body?: string;
  answer: string;
}

export interface Path {
  path: string;
  /** Names of the parameters in the path. */
  parameters: ('name' | 'namespace')[];
  operations: Operation[];
}

const status = 'io.k8s.apimachinery.pkg.apis.meta.v1.Status';
const deleteOptions = 'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions';
const patchBody = 'io.k8s.apimachinery.pkg.apis.meta.v1.Patch';
const scale = 'io.k8s.api.autoscaling.v1.Scale';

/** What bodies may be written in; a patch has types of its own. */
export const mediaTypes = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];
export const patchTypes = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
];
export const info = { title: 'Kubernetes', version: 'v1.36.4' };

/** `api/v1`, `apis/apps/v1`: how discovery of OpenAPI 3 names a group and version. */
export const groupVersionOf = (kind: Pick<Kind, 'group' | 'version'>): string =>
  kind.group ? `apis/${kind.group}/${kind.version}` : `api/${kind.version}`;

type Recipe = [
  verb: Verb,
  method: Operation['method'],
  action: Operation['action'],
  body: string | undefined,
  answer: string,
];

const collection = (kind: Kind): Recipe[] => [
  ['list', 'get', 'list', undefined, `${kind.schema}List`],
  ['create', 'post', 'post', kind.schema, kind.schema],
  ['deletecollection', 'delete', 'deletecollection', deleteOptions, status],
];

const item = (answer: string): Recipe[] => [
  ['get', 'get', 'get', undefined, answer],
  ['update', 'put', 'put', answer, answer],
  ['patch', 'patch', 'patch', patchBody, answer],
];

const operations = (kind: Kind, recipes: Recipe[]): Operation[] =>
  recipes
    .filter(([verb]) => kind.verbs.includes(verb))
    .map(([, method, action, body, answer]) => ({ method, action, kind, answer, ...(body ? { body } : {}) }));

function pathsOf(kind: Kind): Path[] {
  const root = `/${groupVersionOf(kind)}`;
  const base = kind.namespaced ? `${root}/namespaces/{namespace}/${kind.plural}` : `${root}/${kind.plural}`;
  const outer: Path['parameters'] = kind.namespaced ? ['namespace'] : [];
  const inner: Path['parameters'] = ['name', ...outer];
  const one = `${base}/{name}`;
  const deletion: Recipe = ['delete', 'delete', 'delete', deleteOptions, status];
  // Reviews are posted and nothing else: they have no verbs of their own.
  const posted: Operation[] =
    kind.verbs.length === 0 ? [{ method: 'post', action: 'post', kind, body: kind.schema, answer: kind.schema }] : [];
  const all: Path[] = [
    { path: base, parameters: outer, operations: [...posted, ...operations(kind, collection(kind))] },
    { path: one, parameters: inner, operations: operations(kind, [...item(kind.schema), deletion]) },
  ];
  if (kind.hasStatus)
    all.push({ path: `${one}/status`, parameters: inner, operations: operations(kind, item(kind.schema)) });
  if (kind.scale) all.push({ path: `${one}/scale`, parameters: inner, operations: operations(kind, item(scale)) });
  if (kind.namespaced && kind.verbs.includes('list')) {
    all.push({
      path: `${root}/${kind.plural}`,
      parameters: [],
      operations: operations(kind, collection(kind).slice(0, 1)),
    });
  }
  return all.filter((path) => path.operations.length > 0);
}

/** In the order of the registry. */
export const pathsFor = (kinds: readonly Kind[]): Path[] => kinds.flatMap(pathsOf);

/** Which query parameters an operation takes. kubectl looks for `fieldValidation` and `dryRun` before it sends them. */
export function queryParameters(operation: Operation): string[] {
  const writes = ['dryRun', 'fieldManager', 'fieldValidation'];
  const selects = [
    'continue',
    'fieldSelector',
    'labelSelector',
    'limit',
    'resourceVersion',
    'resourceVersionMatch',
    'sendInitialEvents',
    'timeoutSeconds',
  ];
  const deletes = [
    'dryRun',
    'gracePeriodSeconds',
    'orphanDependents',
    'propagationPolicy',
    'ignoreStoreReadErrorWithClusterBreakingPotential',
  ];
  switch (operation.action) {
    case 'list':
      return ['allowWatchBookmarks', ...selects, 'watch', 'pretty'];
    case 'deletecollection':
      return [...selects, ...deletes, 'pretty'];
    case 'delete':
      return [...deletes, 'pretty'];
    case 'post':
    case 'put':
      return [...writes, 'pretty'];
    case 'patch':
      return [...writes, 'force', 'pretty'];
    default:
      return ['pretty'];
  }
}

const integers = new Set(['limit', 'timeoutSeconds', 'gracePeriodSeconds']);
const booleans = new Set([
  'allowWatchBookmarks',
  'watch',
  'sendInitialEvents',
  'force',
  'orphanDependents',
  'ignoreStoreReadErrorWithClusterBreakingPotential',
]);

export const parameterType = (name: string): 'integer' | 'boolean' | 'string' =>
  integers.has(name) ? 'integer' : booleans.has(name) ? 'boolean' : 'string';

/** `createAppsV1NamespacedDeployment`: unique within a document. */
export function operationId(path: Path, operation: Operation): string {
  const verbs = {
    get: 'read',
    list: 'list',
    post: 'create',
    put: 'replace',
    patch: 'patch',
    delete: 'delete',
    deletecollection: 'deleteCollection',
    connect: 'connect',
  };
  const { kind } = operation;
  const capital = (text: string) => text.replace(/(?:^|[.\-/])([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const group = kind.group ? capital(kind.group.replace(/\.k8s\.io$/, '')) : 'Core';
  const scope = path.parameters.includes('namespace') ? 'Namespaced' : '';
  const last = path.path.split('/').at(-1)!;
  const subresource = last === 'status' || last === 'scale' ? capital(last) : '';
  const everywhere = kind.namespaced && path.parameters.length === 0 && kind.verbs.length > 0 ? 'ForAllNamespaces' : '';
  return `${verbs[operation.action]}${group}${capital(kind.version)}${scope}${kind.kind}${subresource}${everywhere}`;
}

/** The schemas that these paths name. */
export const schemasOf = (paths: readonly Path[]): string[] =>
  paths.flatMap(({ operations }) => operations.flatMap(({ body, answer }) => (body ? [body, answer] : [answer])));
