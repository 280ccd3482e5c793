// Names that Kubernetes reserves for users and groups, and how service accounts are named as users.
// Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/
import type { User } from '../server.ts';

export const anonymousUser = 'system:anonymous';
export const authenticatedGroup = 'system:authenticated';
export const unauthenticatedGroup = 'system:unauthenticated';
export const mastersGroup = 'system:masters';
export const nodesGroup = 'system:nodes';
export const nodeUserPrefix = 'system:node:';
const serviceAccountPrefix = 'system:serviceaccount:';
export const serviceAccountsGroup = 'system:serviceaccounts';

export const extraKeys = {
  credentialId: 'authentication.kubernetes.io/credential-id',
  podName: 'authentication.kubernetes.io/pod-name',
  podUid: 'authentication.kubernetes.io/pod-uid',
  nodeName: 'authentication.kubernetes.io/node-name',
  nodeUid: 'authentication.kubernetes.io/node-uid',
} as const;

export const serviceAccountUsername = (namespace: string, name: string): string =>
  `${serviceAccountPrefix}${namespace}:${name}`;

export const serviceAccountGroups = (namespace: string): string[] => [
  serviceAccountsGroup,
  `${serviceAccountsGroup}:${namespace}`,
];

/** Namespace and name of a service account's user name; undefined for any other user. */
export function parseServiceAccountUsername(username: string): { namespace: string; name: string } | undefined {
  if (!username.startsWith(serviceAccountPrefix)) return undefined;
  const parts = username.slice(serviceAccountPrefix.length).split(':');
  const [namespace, name] = parts;
  return parts.length === 2 && namespace && name ? { namespace, name } : undefined;
}

/** The node that a user is, by its name and the group system:nodes; undefined for any other user. */
export function nodeNameOf(user: User): string | undefined {
  if (!user.username.startsWith(nodeUserPrefix) || !user.groups.includes(nodesGroup)) return undefined;
  return user.username.slice(nodeUserPrefix.length) || undefined;
}
