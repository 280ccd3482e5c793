// Puts the default objects in place at the start of an API server, and again at every start, so that an upgrade brings what
// is new. What users changed stays: default roles only gain what they lack, and not even that when annotated
// rbac.authorization.kubernetes.io/autoupdate: "false".
// Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#auto-reconciliation
import { type KubeObject, keyOf, type ObjectKey } from '../api/objects.ts';
import type { IPAddressSpec, PolicyRule, RbacV1Subject } from '../api/types.gen.ts';
import { type Clock, type Ids, timestamp } from '../ports.ts';
import type { Store, StoredObject } from '../store/store.ts';
import { missingRules } from './authorize/rule.ts';
import {
  type BootstrapOptions,
  clientAuthority,
  clusterInfo,
  defaultNamespaces,
  dnsService,
  flowControlObjects,
  kubernetesEndpoints,
  kubernetesService,
  namespaceObject,
  publicIssuerBinding,
  serviceCidr,
  systemPriorityClasses,
} from './bootstrap/cluster-objects.ts';
import { defaultRoles } from './bootstrap/default-roles.ts';

export type { BootstrapOptions } from './bootstrap/cluster-objects.ts';

export interface BootstrapDeps {
  store: Store;
  clock: Clock;
  ids: Ids;
}

const maxAttempts = 10;

const plurals: Readonly<Record<string, string>> = {
  Namespace: 'namespaces',
  PriorityClass: 'priorityclasses.scheduling.k8s.io',
  PriorityLevelConfiguration: 'prioritylevelconfigurations.flowcontrol.apiserver.k8s.io',
  FlowSchema: 'flowschemas.flowcontrol.apiserver.k8s.io',
  Service: 'services',
  Endpoints: 'endpoints',
  EndpointSlice: 'endpointslices.discovery.k8s.io',
  ServiceCIDR: 'servicecidrs.networking.k8s.io',
  IPAddress: 'ipaddresses.networking.k8s.io',
  ConfigMap: 'configmaps',
  ClusterRole: 'clusterroles.rbac.authorization.k8s.io',
  ClusterRoleBinding: 'clusterrolebindings.rbac.authorization.k8s.io',
  Role: 'roles.rbac.authorization.k8s.io',
  RoleBinding: 'rolebindings.rbac.authorization.k8s.io',
};

/** Given what stands, the object as it should stand; undefined to leave it alone. */
type Merge = (wanted: KubeObject, current: KubeObject) => KubeObject | undefined;

export async function bootstrap(deps: BootstrapDeps, options: BootstrapOptions): Promise<void> {
  const keep: Merge = () => undefined;
  const { roles, bindings } = defaultRoles();
  const { endpoint, clusterInfo: info } = options;
  await ensure(deps, defaultNamespaces.map(namespaceObject), keep);
  await Promise.all([
    ensure(deps, roles, mergeRole),
    ensure(deps, options.publicIssuer ? [...bindings, publicIssuerBinding()] : bindings, mergeBinding),
    ensure(deps, systemPriorityClasses(), keep),
    ensure(deps, flowControlObjects(), keep),
    ensure(deps, [...kubernetesService(options), serviceCidr(options, deps.clock.now())], keep),
    ...(options.dnsIp ? [ensureDns(deps, options.dnsIp)] : []),
    ensure(deps, info ? [clusterInfo(info), clientAuthority(info.caPem)] : [], replaceData),
  ]);
  await ensure(deps, kubernetesEndpoints(endpoint), replaceAddresses);
}

/** Where a cluster older than its DNS has given the address to another service, that one keeps it, and no second claims it. */
async function ensureDns(deps: BootstrapDeps, ip: string): Promise<void> {
  const standing = (object: KubeObject) => deps.store.get(plurals[object.kind]!, keyOf(object));
  const keep = async (object: KubeObject): Promise<void> =>
    settle(deps, plurals[object.kind]!, object, await standing(object), () => undefined);
  const [service, address] = dnsService(ip);
  await keep(address);
  const claim = (await standing(address))?.object['spec'] as IPAddressSpec | undefined;
  const { namespace, name } = service.metadata;
  if (claim?.parentRef.namespace === namespace && claim?.parentRef.name === name) await keep(service);
}

/** One list for each resource, then only the writes that are needed. */
async function ensure(deps: BootstrapDeps, objects: readonly KubeObject[], merge: Merge): Promise<void> {
  const byKind = Map.groupBy(objects, ({ kind }) => kind);
  await Promise.all(
    [...byKind].map(async ([kind, wanted]) => {
      const resource = plurals[kind] ?? '';
      const page = await deps.store.list(resource);
      const standing = new Map(page.items.map((item) => [keyText(keyOf(item.object)), item]));
      await Promise.all(
        wanted.map((object) => settle(deps, resource, object, standing.get(keyText(keyOf(object))), merge)),
      );
    }),
  );
}

const keyText = ({ namespace, name }: ObjectKey): string => `${namespace}/${name}`;

/** Two API servers may start at once: the loser of a write looks again at what stands. */
async function settle(
  deps: BootstrapDeps,
  resource: string,
  wanted: KubeObject,
  standing: StoredObject | undefined,
  merge: Merge,
): Promise<void> {
  const key = keyOf(wanted);
  let current = standing;
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const object = current ? merge(wanted, current.object) : born(deps, wanted);
    if (!object) return;
    const expected = current ? current.revision : 'absent';
    const result = await deps.store.commit({ op: 'put', resource, key, object, expected });
    if (result.ok) return;
    current = result.current;
  }
  throw new Error(`${resource} ${keyText(key)} could not be put in place: it keeps changing`);
}

const born = ({ clock, ids }: BootstrapDeps, object: KubeObject): KubeObject => ({
  ...object,
  metadata: { ...object.metadata, uid: ids.uuid(), creationTimestamp: timestamp(clock.now()) },
});

const mayUpdate = (current: KubeObject): boolean =>
  current.metadata.annotations?.['rbac.authorization.kubernetes.io/autoupdate'] !== 'false';

/** Labels and annotations that are missing; those that stand keep their value. */
function mergedMetadata(
  wanted: KubeObject,
  current: KubeObject,
): { metadata: KubeObject['metadata']; changed: boolean } {
  const labels = { ...wanted.metadata.labels, ...current.metadata.labels };
  const annotations = { ...wanted.metadata.annotations, ...current.metadata.annotations };
  const count = (map: object | undefined): number => Object.keys(map ?? {}).length;
  const changed =
    count(labels) > count(current.metadata.labels) || count(annotations) > count(current.metadata.annotations);
  return { metadata: { ...current.metadata, labels, annotations }, changed };
}

/** An aggregated role's rules belong to aggregation. */
const mergeRole: Merge = (wanted, current) => {
  if (!mayUpdate(current)) return undefined;
  const { metadata, changed } = mergedMetadata(wanted, current);
  const rules = (current['rules'] as PolicyRule[] | undefined) ?? [];
  const missing = wanted['aggregationRule'] ? [] : missingRules(rules, (wanted['rules'] as PolicyRule[]) ?? []);
  const aggregation = wanted['aggregationRule'] && !current['aggregationRule'];
  if (!changed && missing.length === 0 && !aggregation) return undefined;
  return {
    ...current,
    metadata,
    ...(aggregation ? { aggregationRule: wanted['aggregationRule'] } : {}),
    rules: [...rules, ...missing],
  };
};

/** roleRef cannot change: a binding that points elsewhere is taken to be the users' own. */
const mergeBinding: Merge = (wanted, current) => {
  if (!mayUpdate(current)) return undefined;
  const { metadata, changed } = mergedMetadata(wanted, current);
  const text = ({ kind, namespace, name }: RbacV1Subject): string => `${kind} ${namespace ?? ''}/${name}`;
  const subjects = (current['subjects'] as RbacV1Subject[] | undefined) ?? [];
  const known = new Set(subjects.map(text));
  const missing = ((wanted['subjects'] as RbacV1Subject[] | undefined) ?? []).filter(
    (subject) => !known.has(text(subject)),
  );
  if (!changed && missing.length === 0) return undefined;
  return { ...current, metadata, subjects: [...subjects, ...missing] };
};

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

const replaceData: Merge = (wanted, current) =>
  same(wanted['data'], current['data']) ? undefined : { ...current, data: wanted['data'] };

const replaceAddresses: Merge = (wanted, current) => {
  const fields = ['subsets', 'endpoints', 'ports', 'addressType'].filter((field) => wanted[field] !== undefined);
  if (fields.every((field) => same(wanted[field], current[field]))) return undefined;
  return { ...current, ...Object.fromEntries(fields.map((field) => [field, wanted[field]])) };
};
