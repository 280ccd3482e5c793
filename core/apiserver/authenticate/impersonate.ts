// Impersonation: a request may act as another user when the caller may `impersonate` every part of that identity.
// Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation
import { badRequest } from '../../api/errors.ts';
import { goQuote } from '../../api/field-errors.ts';
import { forbiddenByAuthorizer } from '../authorize/forbidden.ts';
import type { Authorizer, AuthorizerAttributes, User } from '../server.ts';
import {
  anonymousUser,
  authenticatedGroup,
  parseServiceAccountUsername,
  serviceAccountGroups,
  unauthenticatedGroup,
} from './users.ts';

const extraPrefix = 'impersonate-extra-';

interface Wanted {
  username: string;
  /** undefined: not named, so they follow from the user. */
  groups: string[] | undefined;
  uid: string;
  extra: Record<string, string[]>;
}

/**
 * The user to act as: the caller, or the one its Impersonate-* headers name. Throws badRequest() for headers without a
 * user and Forbidden for an identity the caller may not take.
 */
export async function impersonate(request: Request, caller: User, authorize: Authorizer): Promise<User> {
  const wanted = readHeaders(request.headers);
  if (!wanted) return caller;
  for (const part of partsOf(wanted)) {
    const attributes: AuthorizerAttributes = { ...impersonationAttributes(caller), ...part };
    const decision = await authorize(attributes);
    if (!decision.allowed) throw forbiddenByAuthorizer(attributes, decision.reason);
  }
  const serviceAccount = parseServiceAccountUsername(wanted.username);
  const groups = wanted.groups ?? (serviceAccount ? serviceAccountGroups(serviceAccount.namespace) : []);
  return {
    username: wanted.username,
    ...(wanted.uid ? { uid: wanted.uid } : {}),
    groups: withImpliedGroup(wanted.username, groups),
    ...(Object.keys(wanted.extra).length > 0 ? { extra: wanted.extra } : {}),
  };
}

function readHeaders(headers: Headers): Wanted | undefined {
  const username = headers.get('impersonate-user') ?? '';
  const uid = headers.get('impersonate-uid') ?? '';
  const groupHeader = headers.get('impersonate-group');
  const extra: Record<string, string[]> = {};
  for (const [name, value] of headers) {
    if (name.startsWith(extraPrefix)) extra[decodeKey(name.slice(extraPrefix.length))] = values(value);
  }
  const others = groupHeader !== null || uid !== '' || Object.keys(extra).length > 0;
  if (username) return { username, groups: groupHeader === null ? undefined : values(groupHeader), uid, extra };
  if (others) {
    const groups = groupHeader === null ? [] : values(groupHeader);
    throw badRequest(`requested ${goUser(uid, groups, extra)} without impersonating a user name`);
  }
  return undefined;
}

const goStrings = (list: readonly string[]): string =>
  list.length === 0 ? '[]string(nil)' : `[]string{${list.map(goQuote).join(', ')}}`;

/** The identity without a name, as kube-apiserver prints it. */
function goUser(uid: string, groups: readonly string[], extra: Record<string, string[]>): string {
  const entries = Object.entries(extra)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, list]) => `${goQuote(key)}:${goStrings(list)}`);
  const map = entries.length === 0 ? 'map[string][]string(nil)' : `map[string][]string{${entries.join(', ')}}`;
  return `&user.DefaultInfo{Name:"", UID:${goQuote(uid)}, Groups:${goStrings(groups)}, Extra:${map}}`;
}

/** A repeated header arrives joined; group names hold no comma followed by a space. */
const values = (header: string): string[] => header.split(', ').filter(Boolean);

function decodeKey(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}

const impersonationAttributes = (user: User): AuthorizerAttributes => ({
  user,
  verb: 'impersonate',
  isResource: true,
  group: '',
  version: '',
  plural: '',
  subresource: '',
  namespace: '',
  name: '',
  path: '',
});

/** Each part of the identity is a resource of its own to the authorizers. */
function partsOf(wanted: Wanted): Partial<AuthorizerAttributes>[] {
  const serviceAccount = parseServiceAccountUsername(wanted.username);
  const authentication = { group: 'authentication.k8s.io', version: 'v1' };
  return [
    serviceAccount ? { plural: 'serviceaccounts', ...serviceAccount } : { plural: 'users', name: wanted.username },
    ...(wanted.groups ?? []).map((name) => ({ plural: 'groups', name })),
    ...Object.entries(wanted.extra).flatMap(([subresource, list]) =>
      list.map((name) => ({ ...authentication, plural: 'userextras', subresource, name })),
    ),
    ...(wanted.uid ? [{ ...authentication, plural: 'uids', name: wanted.uid }] : []),
  ];
}

function withImpliedGroup(username: string, groups: readonly string[]): string[] {
  if (username === anonymousUser) {
    return groups.includes(unauthenticatedGroup) ? [...groups] : [...groups, unauthenticatedGroup];
  }
  const marked = groups.includes(authenticatedGroup) || groups.includes(unauthenticatedGroup);
  return marked ? [...groups] : [...groups, authenticatedGroup];
}
