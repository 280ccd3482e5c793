// From a request to the user it acts as: the first authenticator that knows the credentials, otherwise anonymous.
// Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/
import { isStatus } from '../../api/errors.ts';
import type { Authenticator, Peer, User } from '../server.ts';
import { anonymousUser, authenticatedGroup, unauthenticatedGroup } from './users.ts';

/** Throws unauthorized() when the credentials shown are wrong. Without any, the user is system:anonymous. */
export async function authenticate(
  request: Request,
  peer: Peer,
  authenticators: readonly Authenticator[],
): Promise<User> {
  let refusal: unknown;
  for (const authenticator of authenticators) {
    try {
      const user = await authenticator(request, peer);
      if (user) return withAuthenticatedGroup(user);
    } catch (error) {
      if (!isStatus(error, 'Unauthorized')) throw error;
      refusal ??= error;
    }
  }
  if (refusal) throw refusal;
  return { username: anonymousUser, groups: [unauthenticatedGroup] };
}

/** A certificate or token may name the anonymous user or a reserved group itself; then nothing is added. */
export function withAuthenticatedGroup(user: User): User {
  if (user.username === anonymousUser) return user;
  const marked = user.groups.some((group) => group === authenticatedGroup || group === unauthenticatedGroup);
  return marked ? user : { ...user, groups: [...user.groups, authenticatedGroup] };
}
