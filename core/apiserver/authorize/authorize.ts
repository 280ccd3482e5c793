// Authorizers in order: the first that allows or denies for good decides; the reasons of the others are joined.
// Source: https://kubernetes.io/docs/reference/access-authn-authz/authorization/
import { mastersGroup } from '../authenticate/users.ts';
import type { Authorizer, AuthorizerAttributes, Decision, RequestInfo, User } from '../server.ts';

export function allOf(authorizers: readonly Authorizer[]): Authorizer {
  return async (attributes): Promise<Decision> => {
    const reasons: string[] = [];
    for (const authorizer of authorizers) {
      const decision = await authorizer(attributes);
      if (decision.allowed || decision.denied) return decision;
      if (decision.reason) reasons.push(decision.reason);
    }
    return { allowed: false, reason: reasons.join('\n') };
  };
}

/** Members of system:masters may do anything, whatever roles exist: the way back in when the roles are broken. */
export const mastersAuthorizer: Authorizer = async ({ user }) => ({
  allowed: user.groups.includes(mastersGroup),
  reason: '',
});

/** What the authorizers are asked about a parsed request. */
export const attributesOf = (info: RequestInfo, user: User): AuthorizerAttributes => ({
  user,
  verb: info.verb,
  isResource: info.isResource,
  group: info.group,
  version: info.version,
  plural: info.plural,
  subresource: info.subresource,
  namespace: info.namespace,
  name: info.name,
  path: info.path,
  ...(info.labelSelector === undefined ? {} : { labelSelector: info.labelSelector }),
  ...(info.fieldSelector === undefined ? {} : { fieldSelector: info.fieldSelector }),
});
