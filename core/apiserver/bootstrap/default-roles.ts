// The default roles and bindings, read from their compact form.
import { aggregatedRules } from '../../api/aggregate-roles.ts';
import type { KubeObject } from '../../api/objects.ts';
import type { ClusterRole, PolicyRule, RbacV1Subject } from '../../api/types.gen.ts';
import data from './default-roles.json' with { type: 'json' };

interface CompactRole {
  labels?: Record<string, string>;
  /** Label of the roles that this one gathers. */
  aggregate?: string[];
  rules?: string[];
}

interface CompactBinding {
  role: string;
  labels?: Record<string, string>;
  subjects: string[];
}

const group = 'rbac.authorization.k8s.io';
const apiVersion = `${group}/v1`;

/** Bindings that let a joining node ask for its certificate and have it approved; kubeadm makes the same for its clusters. */
const joining: Record<string, CompactBinding> = {
  'slipway:kubelet-bootstrap': {
    role: 'ClusterRole system:node-bootstrapper',
    subjects: ['Group system:bootstrappers'],
  },
  'slipway:node-autoapprove-bootstrap': {
    role: 'ClusterRole system:certificates.k8s.io:certificatesigningrequests:nodeclient',
    subjects: ['Group system:bootstrappers'],
  },
  'slipway:node-autoapprove-certificate-rotation': {
    role: 'ClusterRole system:certificates.k8s.io:certificatesigningrequests:selfnodeclient',
    subjects: ['Group system:nodes'],
  },
};

/** As metrics-server's manifests give it: whoever may view pods may see what they use. */
const metricsReader: Record<string, CompactRole> = {
  'system:aggregated-metrics-reader': {
    labels: Object.fromEntries(
      ['view', 'edit', 'admin'].map((role) => [`rbac.authorization.k8s.io/aggregate-to-${role}`, 'true']),
    ),
    rules: ['get,list,watch metrics.k8s.io pods,nodes'],
  },
};

const list = (text = ''): string[] => text.split(',').map((word) => (word === 'core' ? '' : word));

function parseRule(text: string): PolicyRule {
  const [verbs, second, resources, names] = text.split(' ');
  if (!resources) return { verbs: list(verbs), nonResourceURLs: list(second) };
  return {
    verbs: list(verbs),
    apiGroups: list(second),
    resources: list(resources),
    ...(names ? { resourceNames: list(names) } : {}),
  };
}

function parseSubject(text: string): RbacV1Subject {
  const [kind = '', name = ''] = text.split(' ');
  if (kind !== 'ServiceAccount') return { kind, apiGroup: group, name };
  const [namespace, account = ''] = name.split('/');
  return { kind, name: account, namespace };
}

function metadata(key: string, labels: Record<string, string> | undefined): KubeObject['metadata'] {
  const slash = key.indexOf('/');
  return {
    name: key.slice(slash + 1),
    ...(slash > 0 ? { namespace: key.slice(0, slash) } : {}),
    labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults', ...labels },
    annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'true' },
  };
}

function roleObject(key: string, { labels, aggregate, rules }: CompactRole): KubeObject {
  const selectors = aggregate?.map((label) => {
    const [name = '', value = ''] = label.split('=');
    return { matchLabels: { [name]: value } };
  });
  return {
    apiVersion,
    kind: key.includes('/') ? 'Role' : 'ClusterRole',
    metadata: metadata(key, labels),
    ...(selectors ? { aggregationRule: { clusterRoleSelectors: selectors } } : {}),
    rules: (rules ?? []).map(parseRule),
  };
}

function bindingObject(key: string, { role, labels, subjects }: CompactBinding): KubeObject {
  const [kind = '', name = ''] = role.split(' ');
  return {
    apiVersion,
    kind: key.includes('/') ? 'RoleBinding' : 'ClusterRoleBinding',
    metadata: metadata(key, labels),
    roleRef: { apiGroup: group, kind, name },
    ...(subjects.length > 0 ? { subjects: subjects.map(parseSubject) } : {}),
  };
}

/** Roles before bindings; aggregated roles already hold the rules that the other defaults give them. */
export function defaultRoles(): { roles: KubeObject[]; bindings: KubeObject[] } {
  const compact = { ...(data.roles as Record<string, CompactRole>), ...metricsReader };
  const roles = Object.entries(compact).map(([key, role]) => roleObject(key, role));
  const clusterRoles = roles.filter(({ kind }) => kind === 'ClusterRole') as unknown as ClusterRole[];
  // edit gathers what view holds, and admin what edit holds: a second round brings what the first one gathered.
  for (let round = 0; round < 3; round++) {
    for (const role of clusterRoles) role.rules = aggregatedRules(role, clusterRoles) ?? role.rules;
  }
  const bindings = Object.entries({ ...(data.bindings as Record<string, CompactBinding>), ...joining });
  return { roles, bindings: bindings.map(([key, binding]) => bindingObject(key, binding)) };
}

/** The rules of system:node, which the node authorizer grants to every node. */
export function nodeRules(): PolicyRule[] {
  const role = (data.roles as Record<string, CompactRole>)['system:node'];
  return (role?.rules ?? []).map(parseRule);
}
