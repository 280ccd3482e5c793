// The review kinds: who a token is, who I am, and who may do what. Nothing is stored.
// Source: https://kubernetes.io/docs/reference/access-authn-authz/authorization/#checking-api-access
import { badRequest, isStatus } from '../../api/errors.ts';
import type { KubeObject } from '../../api/objects.ts';
import type { PolicyRule, SelfSubjectRulesReview, TokenReview, UserInfo } from '../../api/types.gen.ts';
import { timestamp } from '../../ports.ts';
import { withAuthenticatedGroup } from '../authenticate/authenticate.ts';
import type { TokenAuthenticator } from '../authenticate/bearer.ts';
import { nodeNameOf } from '../authenticate/users.ts';
import { joined, type RoleResolver } from '../authorize/role-resolver.ts';
import type { Authorizer, SubresourceHandler, User } from '../server.ts';
import { accessReviewHandlers } from './access-reviews.ts';
import { trackReview } from './review-fields.ts';

export interface ReviewDeps {
  authorize: Authorizer;
  roles: RoleResolver;
  tokens: TokenAuthenticator;
  audiences: readonly string[];
}

const authentication = 'authentication.k8s.io';
const authorization = 'authorization.k8s.io';

export const reviewHandlers = (deps: ReviewDeps): Map<string, SubresourceHandler> =>
  new Map([
    [`tokenreviews.${authentication}`, tokenReview(deps)],
    [`selfsubjectreviews.${authentication}`, selfSubjectReview],
    [`selfsubjectrulesreviews.${authorization}`, selfSubjectRulesReview(deps)],
    ...accessReviewHandlers(deps.authorize),
  ]);

const userInfo = ({ username, uid, groups, extra }: User): UserInfo => ({
  username,
  ...(uid ? { uid } : {}),
  ...(groups.length > 0 ? { groups } : {}),
  ...(extra && Object.keys(extra).length > 0 ? { extra } : {}),
});

function tokenReview({ tokens, audiences }: ReviewDeps): SubresourceHandler {
  return {
    verbs: ['create'],
    async handle(context): Promise<KubeObject> {
      const body = await context.readBody('io.k8s.api.authentication.v1.TokenReview');
      const review = body as unknown as TokenReview;
      const token = review.spec?.token;
      if (!token) throw badRequest('token is required for TokenReview in authentication');
      trackReview(context, body);
      const asked = review.spec.audiences ?? [];
      return {
        apiVersion: `${authentication}/v1`,
        kind: 'TokenReview',
        metadata: body.metadata,
        spec: review.spec,
        status: await statusOf(tokens, token, asked.length > 0 ? asked : audiences),
      } as unknown as KubeObject;
    },
  };
}

async function statusOf(tokens: TokenAuthenticator, token: string, audiences: readonly string[]): Promise<unknown> {
  try {
    const found = await tokens(token, audiences);
    if (!found) return { user: {}, error: 'invalid bearer token' };
    return { authenticated: true, user: userInfo(withAuthenticatedGroup(found.user)), audiences: found.audiences };
  } catch (error) {
    if (!isStatus(error, 'Unauthorized')) throw error;
    const why = error.cause instanceof Error ? error.cause.message : '';
    return { user: {}, error: why ? `[invalid bearer token, ${why}]` : 'invalid bearer token' };
  }
}

const selfSubjectReview: SubresourceHandler = {
  verbs: ['create'],
  async handle(context): Promise<KubeObject> {
    await context.readBody('io.k8s.api.authentication.v1.SelfSubjectReview');
    return {
      apiVersion: `${authentication}/v1`,
      kind: 'SelfSubjectReview',
      metadata: { creationTimestamp: timestamp(context.deps.clock.now()) },
      status: { userInfo: userInfo(context.user) },
    };
  },
};

function selfSubjectRulesReview({ roles }: ReviewDeps): SubresourceHandler {
  return {
    verbs: ['create'],
    async handle(context): Promise<KubeObject> {
      const body = await context.readBody('io.k8s.api.authorization.v1.SelfSubjectRulesReview');
      const namespace = (body as unknown as SelfSubjectRulesReview).spec?.namespace;
      if (!namespace) throw badRequest('no namespace on request');
      const { rules, errors } = await roles.rulesFor(context.user, namespace);
      const isNode = nodeNameOf(context.user) !== undefined;
      if (isNode) errors.unshift('node authorizer does not support user rule resolution');
      const all = rules.map(({ rule }) => rule);
      return {
        apiVersion: `${authorization}/v1`,
        kind: 'SelfSubjectRulesReview',
        metadata: {},
        spec: {},
        status: {
          resourceRules: all.filter(({ resources }) => resources?.length).map(resourceRule),
          nonResourceRules: all.filter(({ nonResourceURLs }) => nonResourceURLs?.length).map(nonResourceRule),
          incomplete: isNode,
          ...(errors.length > 0 ? { evaluationError: joined(errors) } : {}),
        },
      };
    },
  };
}

const resourceRule = ({ verbs, apiGroups, resources, resourceNames }: PolicyRule) => ({
  verbs,
  apiGroups,
  resources,
  ...(resourceNames?.length ? { resourceNames } : {}),
});

const nonResourceRule = ({ verbs, nonResourceURLs }: PolicyRule) => ({ verbs, nonResourceURLs });
