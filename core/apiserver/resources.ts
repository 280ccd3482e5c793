// Everything that a path below /api and /apis can name: kinds, their subresources, and who answers those.
import { kinds } from '../api/kinds/index.ts';
import type { Kind, Verb } from '../api/kinds/kind.ts';
import { bindingHandler, podBindingHandler } from './handlers/binding.ts';
import { ephemeralContainersHandler } from './handlers/ephemeral-containers.ts';
import { evictionHandler } from './handlers/eviction.ts';
import { finalizeHandler } from './handlers/finalize.ts';
import { logHandler } from './handlers/log.ts';
import { nodeProxyHandler, podProxyHandler, serviceProxyHandler } from './handlers/proxy.ts';
import { resizeHandler } from './handlers/resize.ts';
import { scaleHandler } from './handlers/scale.ts';
import { streamHandler } from './handlers/stream.ts';
import type { ApiServerDeps, SubresourceHandler } from './server.ts';

const ownHandlers: ReadonlyMap<string, SubresourceHandler> = new Map([
  ['bindings', bindingHandler],
  ['pods/binding', podBindingHandler],
  ['pods/eviction', evictionHandler],
  ['pods/ephemeralcontainers', ephemeralContainersHandler],
  ['pods/resize', resizeHandler],
  ['pods/log', logHandler],
  ['pods/exec', streamHandler('PodExecOptions')],
  ['pods/attach', streamHandler('PodAttachOptions')],
  ['pods/portforward', streamHandler('PodPortForwardOptions')],
  ['pods/proxy', podProxyHandler],
  ['services/proxy', serviceProxyHandler],
  ['nodes/proxy', nodeProxyHandler],
  ['namespaces/finalize', finalizeHandler],
]);

const qualified = (kind: Kind): string => (kind.group ? `${kind.plural}.${kind.group}` : kind.plural);

/** Who answers a subresource ('' for a kind that is only posted); undefined: nobody. */
export function handlerOf(deps: ApiServerDeps, kind: Kind, subresource: string): SubresourceHandler | undefined {
  if (subresource === 'scale' && kind.scale) return scaleHandler;
  const name = subresource ? `${qualified(kind)}/${subresource}` : qualified(kind);
  return deps.handlers.get(name) ?? ownHandlers.get(name);
}

export interface Subresource {
  name: string;
  verbs: readonly Verb[];
  discovery: { group: string; version: string; kind: string } | undefined;
}

const statusVerbs: readonly Verb[] = ['get', 'patch', 'update'];

/** The subresources of a kind, in order of name. */
export function subresourcesOf(deps: ApiServerDeps, kind: Kind): Subresource[] {
  const found = new Map<string, Subresource>();
  if (kind.hasStatus) found.set('status', { name: 'status', verbs: statusVerbs, discovery: undefined });
  if (kind.scale) found.set('scale', { name: 'scale', verbs: scaleHandler.verbs, discovery: scaleHandler.discovery });
  const prefix = `${qualified(kind)}/`;
  for (const [name, handler] of [...ownHandlers, ...deps.handlers]) {
    if (!name.startsWith(prefix)) continue;
    const short = name.slice(prefix.length);
    found.set(short, { name: short, verbs: handler.verbs, discovery: handler.discovery });
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The order in which kube-apiserver names its groups: clients take the first that has a name they are given. */
const groupOrder = [
  '',
  'apps',
  'events.k8s.io',
  'authentication.k8s.io',
  'authorization.k8s.io',
  'autoscaling',
  'batch',
  'certificates.k8s.io',
  'networking.k8s.io',
  'policy',
  'rbac.authorization.k8s.io',
  'storage.k8s.io',
  'admissionregistration.k8s.io',
  'scheduling.k8s.io',
  'coordination.k8s.io',
  'node.k8s.io',
  'discovery.k8s.io',
  'resource.k8s.io',
  'flowcontrol.apiserver.k8s.io',
  'metrics.k8s.io',
];

/** Groups in the order of kube-apiserver's discovery, with their versions, preferred first. */
export function groupVersions(): Map<string, string[]> {
  const served = new Set(kinds.map(({ group }) => group));
  const groups = new Map<string, string[]>(groupOrder.filter((group) => served.has(group)).map((group) => [group, []]));
  for (const { group, version } of kinds) {
    const versions = groups.get(group) ?? [];
    if (!versions.includes(version)) versions.push(version);
    groups.set(group, versions);
  }
  return groups;
}

const groups = groupVersions();
export const hasGroup = (group: string): boolean => groups.has(group);
export const hasGroupVersion = (group: string, version: string): boolean =>
  groups.get(group)?.includes(version) ?? false;
