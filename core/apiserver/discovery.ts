// What this API server serves: legacy discovery, and the aggregated form that answers all of it at once.
// Follows https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api
import { kinds } from '../api/kinds/index.ts';
import type { Kind } from '../api/kinds/kind.ts';
import { groupVersions, type Subresource, subresourcesOf } from './resources.ts';
import { apiVersionOf } from './serialize.ts';
import type { ApiServerDeps } from './server.ts';

interface GroupVersion {
  groupVersion: string;
  version: string;
}

const gvOf = (group: string, version: string): GroupVersion => ({
  groupVersion: group ? `${group}/${version}` : version,
  version,
});

/** GET /api */
export const apiVersions = (address: string): object => ({
  kind: 'APIVersions',
  versions: ['v1'],
  serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: address }],
});

function apiGroup(group: string, versions: readonly string[]): object {
  const all = versions.map((version) => gvOf(group, version));
  return { name: group, versions: all, preferredVersion: all[0] };
}

/** GET /apis */
export const apiGroupList = (): object => ({
  kind: 'APIGroupList',
  apiVersion: 'v1',
  groups: [...groupVersions()].filter(([group]) => group !== '').map(([group, versions]) => apiGroup(group, versions)),
});

/** GET /apis/GROUP; undefined: there is no such group. */
export function groupDocument(group: string): object | undefined {
  const versions = groupVersions().get(group);
  return versions && group ? { kind: 'APIGroup', apiVersion: 'v1', ...apiGroup(group, versions) } : undefined;
}

/** Kinds that no handler answers and nothing stores are not there. */
const isServed = (deps: ApiServerDeps, kind: Kind): boolean =>
  kind.verbs.length > 1 || deps.handlers.has(apiName(kind)) || kind.plural === 'bindings';
const apiName = (kind: Kind): string => (kind.group ? `${kind.plural}.${kind.group}` : kind.plural);

const kindsOf = (deps: ApiServerDeps, group: string, version: string): Kind[] =>
  kinds
    .filter((kind) => kind.group === group && kind.version === version && isServed(deps, kind))
    .sort((a, b) => (a.plural < b.plural ? -1 : 1));

const sortedVerbs = (verbs: readonly string[]): string[] => [...verbs].sort();

function legacyResource(kind: Kind): object {
  return {
    name: kind.plural,
    singularName: kind.singular,
    namespaced: kind.namespaced,
    kind: kind.kind,
    verbs: sortedVerbs(kind.verbs),
    ...(kind.shortNames.length > 0 ? { shortNames: kind.shortNames } : {}),
    ...(kind.categories.length > 0 ? { categories: kind.categories } : {}),
  };
}

function legacySubresource(kind: Kind, { name, verbs, discovery }: Subresource): object {
  return {
    name: `${kind.plural}/${name}`,
    singularName: '',
    namespaced: kind.namespaced,
    ...(discovery && discovery.group !== kind.group ? { group: discovery.group, version: discovery.version } : {}),
    kind: discovery?.kind ?? kind.kind,
    verbs: sortedVerbs(verbs),
  };
}

/** GET /api/v1 and /apis/GROUP/VERSION; undefined: there is no such version. */
export function resourceList(deps: ApiServerDeps, group: string, version: string): object | undefined {
  if (!groupVersions().get(group)?.includes(version)) return undefined;
  const resources = kindsOf(deps, group, version).flatMap((kind) => [
    legacyResource(kind),
    ...subresourcesOf(deps, kind).map((sub) => legacySubresource(kind, sub)),
  ]);
  return {
    kind: 'APIResourceList',
    ...(group ? { apiVersion: 'v1' } : {}),
    groupVersion: gvOf(group, version).groupVersion,
    resources,
  };
}

const responseKind = (kind: Kind, of?: Subresource['discovery']): object =>
  of
    ? { group: of.group, version: of.version, kind: of.kind }
    : { group: kind.group, version: kind.version, kind: kind.kind };

function aggregatedResource(deps: ApiServerDeps, kind: Kind): object {
  const subresources = subresourcesOf(deps, kind).map(({ name, verbs, discovery }) => ({
    subresource: name,
    responseKind: responseKind(kind, discovery),
    verbs: sortedVerbs(verbs),
  }));
  return {
    resource: kind.plural,
    responseKind: responseKind(kind),
    scope: kind.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: kind.singular,
    verbs: sortedVerbs(kind.verbs),
    ...(kind.shortNames.length > 0 ? { shortNames: kind.shortNames } : {}),
    ...(kind.categories.length > 0 ? { categories: kind.categories } : {}),
    ...(subresources.length > 0 ? { subresources } : {}),
  };
}

/** `core`: what is below /api; otherwise what is below /apis. */
export function aggregated(deps: ApiServerDeps, core: boolean, version: string): object {
  const items = [...groupVersions()]
    .filter(([group]) => (group === '') === core)
    .map(([group, versions]) => ({
      metadata: group ? { name: group } : {},
      versions: versions.map((v) => ({
        version: v,
        resources: kindsOf(deps, group, v).map((kind) => aggregatedResource(deps, kind)),
        freshness: 'Current',
      })),
    }));
  return { kind: 'APIGroupDiscoveryList', apiVersion: `apidiscovery.k8s.io/${version}`, metadata: {}, items };
}

/** Which version of the aggregated form the client takes; undefined: it wants the legacy one. */
export function aggregatedVersion(accept: string): 'v2' | 'v2beta1' | undefined {
  for (const clause of accept.split(',')) {
    const parts = clause.split(';').map((part) => part.trim());
    if (parts.includes('as=APIGroupDiscoveryList') && parts.includes('g=apidiscovery.k8s.io')) {
      if (parts.includes('v=v2')) return 'v2';
      if (parts.includes('v=v2beta1')) return 'v2beta1';
    } else if (parts[0] === 'application/json' || parts[0] === '*/*') return undefined;
  }
  return undefined;
}

/** Paths of all groups and versions, for the root document. */
export const groupPaths = (): string[] => [
  '/api',
  '/api/v1',
  '/apis',
  ...[...groupVersions()].flatMap(([group, versions]) =>
    group ? [`/apis/${group}`, ...versions.map((version) => `/apis/${apiVersionOf({ group, version })}`)] : [],
  ),
];
