// The node authorizer: a node may do what a node needs, and of named objects only what its own pods refer to.
// Source: https://kubernetes.io/docs/reference/access-authn-authz/node/ ; reasons are kube-apiserver's.
import { agentUpdateLease } from '../../api/node-sync.ts';
import type { PolicyRule } from '../../api/types.gen.ts';
import { nodeNameOf } from '../authenticate/users.ts';
import type { Authorizer, AuthorizerAttributes, Decision } from '../server.ts';
import type { NodeGraph, ReferencedResource } from './node-graph.ts';
import { ruleAllows } from './rule.ts';

const allowed: Decision = { allowed: true, reason: '' };
const refused = (reason: string): Decision => ({ allowed: false, reason });

const leaseNamespace = 'kube-node-lease';

/** `rules` are those of the cluster role system:node, for what is the same for every node. */
export function nodeAuthorizer(graph: NodeGraph, rules: readonly PolicyRule[]): Authorizer {
  return async (attributes) => {
    const node = nodeNameOf(attributes.user);
    if (node === undefined) return refused('');
    const special = attributes.isResource ? restricted[resourceOf(attributes)] : undefined;
    if (special) return special(node, attributes, graph);
    return rules.some((rule) => ruleAllows(rule, attributes)) ? allowed : refused('');
  };
}

const resourceOf = ({ plural, group }: AuthorizerAttributes): string => (group ? `${plural}.${group}` : plural);

type Rule = (node: string, attributes: AuthorizerAttributes, graph: NodeGraph) => Decision | Promise<Decision>;

async function related(
  node: string,
  of: ReferencedResource,
  { namespace, name }: AuthorizerAttributes,
  graph: NodeGraph,
): Promise<Decision> {
  if (!name) return refused('No Object name found');
  if (await graph.refers(node, of, { namespace, name })) return allowed;
  return refused(`no relationship found between node '${node}' and this object`);
}

const readNamed =
  (of: ReferencedResource): Rule =>
  (node, attributes, graph) => {
    if (!['get', 'list', 'watch'].includes(attributes.verb)) return refused('can only read resources of this type');
    if (attributes.subresource) return refused('cannot read subresource');
    if (!attributes.namespace) return refused('can only read namespaced object of this type');
    return related(node, of, attributes, graph);
  };

const getOnly =
  (of: ReferencedResource): Rule =>
  (node, attributes, graph) => {
    if (attributes.verb !== 'get') return refused('can only get individual resources of this type');
    if (attributes.subresource) return refused('cannot get subresource');
    return related(node, of, attributes, graph);
  };

const claims: Rule = (node, attributes, graph) => {
  if (attributes.subresource !== 'status') return getOnly('persistentvolumeclaims')(node, attributes, graph);
  if (!['update', 'patch'].includes(attributes.verb)) return refused('can only get/update/patch this type');
  return related(node, 'persistentvolumeclaims', attributes, graph);
};

const serviceAccounts: Rule = (node, attributes, graph) => {
  const { verb, subresource, name } = attributes;
  if (verb === 'get' && !subresource) return readNamed('serviceaccounts')(node, attributes, graph);
  if (verb !== 'create' || !name) return refused('can only create tokens for individual service accounts');
  if (subresource !== 'token') return refused('can only create token subresource of serviceaccount');
  return related(node, 'serviceaccounts', attributes, graph);
};

const ownVerbs = ['get', 'create', 'update', 'patch', 'delete'];

/** On create the name is not known yet: the admission plugin NodeRestriction looks at it. */
const leases: Rule = (node, { verb, namespace, name }) => {
  if (!ownVerbs.includes(verb)) return refused('can only get, create, update, patch, or delete a node lease');
  if (namespace !== leaseNamespace)
    return refused(`can only access leases in the "${leaseNamespace}" system namespace`);
  if (verb !== 'create' && name !== node && name !== agentUpdateLease) {
    return refused('can only access node lease with the same name as the requesting node');
  }
  return allowed;
};

const csiNodes: Rule = (node, { verb, subresource, name }) => {
  if (!ownVerbs.includes(verb)) return refused('can only get, create, update, patch, or delete a CSINode');
  if (subresource) return refused('cannot authorize CSINode subresources');
  if (verb !== 'create' && name !== node) {
    return refused('can only access CSINode with the same name as the requesting node');
  }
  return allowed;
};

const resourceSlices: Rule = (node, attributes) => {
  const { verb, subresource } = attributes;
  if (subresource) return refused('cannot authorize ResourceSlice subresources');
  if (verb === 'create') return allowed;
  if (selectsNode(attributes, 'spec.nodeName', node)) return allowed;
  return refused('can only list/watch/deletecollection resourceslices with nodeName field selector');
};

const nodes: Rule = (node, { verb, subresource, name }) => {
  if (subresource === 'status') return ['update', 'patch'].includes(verb) ? allowed : refused('');
  // The node's own sync call: its report and what changed for it, in one.
  if (subresource === 'sync') return verb === 'create' && name === node ? allowed : refused('');
  if (subresource) return refused('');
  if (['create', 'update', 'patch'].includes(verb)) return allowed;
  if (!['get', 'list', 'watch'].includes(verb)) return refused('');
  if (name === node) return allowed;
  if (!name) return refused(`node '${node}' cannot read all nodes, only its own Node object`);
  return refused(`node '${node}' cannot read '${name}', only its own Node object`);
};

const pods: Rule = (node, attributes, graph) => {
  const { verb, subresource, name } = attributes;
  if (subresource === 'status') return ['update', 'patch'].includes(verb) ? allowed : refused('');
  if (subresource === 'eviction') return verb === 'create' ? allowed : refused('');
  if (subresource) return refused('');
  if (verb === 'get') return getOnly('pods')(node, attributes, graph);
  if (verb === 'create' || verb === 'delete') return allowed;
  if (verb !== 'list' && verb !== 'watch') return refused('');
  if (selectsNode(attributes, 'spec.nodeName', node)) return allowed;
  if (name) return related(node, 'pods', attributes, graph);
  return refused('can only list/watch pods with spec.nodeName field selector');
};

/** Whether the field selector holds to one value exactly. */
const selectsNode = ({ fieldSelector }: AuthorizerAttributes, field: string, node: string): boolean =>
  (fieldSelector ?? '').split(',').some((term) => term === `${field}=${node}` || term === `${field}==${node}`);

const restricted: Readonly<Record<string, Rule | undefined>> = {
  secrets: readNamed('secrets'),
  configmaps: readNamed('configmaps'),
  persistentvolumeclaims: claims,
  persistentvolumes: getOnly('persistentvolumes'),
  'resourceclaims.resource.k8s.io': getOnly('resourceclaims'),
  'volumeattachments.storage.k8s.io': getOnly('volumeattachments'),
  serviceaccounts: serviceAccounts,
  'leases.coordination.k8s.io': leases,
  'csinodes.storage.k8s.io': csiNodes,
  'resourceslices.resource.k8s.io': resourceSlices,
  nodes,
  pods,
};
