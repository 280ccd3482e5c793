// Who may do what, put together once: authenticators, authorizers, admission, and the handlers of tokens and reviews.
// A host spreads the result into the dependencies of createApiServer.
import type { Ports } from '../ports.ts';
import type { Store } from '../store/store.ts';
import type { DefaultTolerations } from './admit/default-tolerations.ts';
import { admissionPlugins } from './admit/plugins.ts';
import { bearerAuthenticator, firstOf, type TokenAuthenticator } from './authenticate/bearer.ts';
import { bootstrapTokens } from './authenticate/bootstrap-token.ts';
import { clientCertificateAuthenticator } from './authenticate/client-certificate.ts';
import { serviceAccountTokens } from './authenticate/service-account.ts';
import { discoveryDocument, loadIssuerKeys, type SigningKey } from './authenticate/signing-keys.ts';
import { allOf, mastersAuthorizer } from './authorize/authorize.ts';
import { nodeAuthorizer } from './authorize/node.ts';
import { createNodeGraph } from './authorize/node-graph.ts';
import { rbacAuthorizer } from './authorize/rbac.ts';
import { createRoleResolver } from './authorize/role-resolver.ts';
import { nodeRules } from './bootstrap/default-roles.ts';
import { approvalHandler } from './handlers/csr.ts';
import { nodeSyncHandler } from './handlers/node-sync.ts';
import { reviewHandlers } from './handlers/reviews.ts';
import { tokenHandler } from './handlers/token.ts';
import { createLister, type Lister } from './lister.ts';
import { createNodeChanges } from './nodes/changes.ts';
import type { AdmissionPlugin, Authenticator, Authorizer, SubresourceHandler } from './server.ts';

export interface AccessOptions extends Ports {
  store: Store;
  /** Keys of the service account issuer; the first that can sign does. */
  signingKeys: readonly SigningKey[];
  /** The first one signs new tokens, all are accepted. */
  issuers: readonly [string, ...string[]];
  /** What tokens must be meant for; the issuers if absent. */
  audiences?: readonly string[];
  /** Where OIDC clients fetch the keys; `/openid/v1/jwks` under the first issuer if absent. */
  jwksUri?: string;
  /** More kinds of tokens, of the host's own. */
  tokens?: readonly TokenAuthenticator[];
  /** What pods tolerate that do not say so themselves; 300 seconds each when absent. */
  defaultTolerations?: DefaultTolerations;
  /** Version of the agent that workers should run, told in each node's sync; absent: nodes are left as they are. */
  agentVersion?(): string | undefined;
}

export interface Access {
  lister: Lister;
  authenticators: Authenticator[];
  authorizers: Authorizer[];
  admission: AdmissionPlugin[];
  handlers: Map<string, SubresourceHandler>;
  documents: Map<string, { contentType: string; body(): string }>;
}

export async function createAccess(options: AccessOptions): Promise<Access> {
  const { store, clock, issuers } = options;
  const audiences = options.audiences ?? issuers;
  const keys = await loadIssuerKeys(options.signingKeys);
  const lister = createLister(store);
  const roles = createRoleResolver(lister);
  const authorizers = [mastersAuthorizer, nodeAuthorizer(createNodeGraph(lister), nodeRules()), rbacAuthorizer(roles)];
  const authorize = allOf(authorizers);
  const tokens = firstOf([
    serviceAccountTokens({ store, clock, keys, issuers }),
    bootstrapTokens({ store, clock }),
    ...(options.tokens ?? []),
  ]);
  const jwksUri = options.jwksUri ?? `${issuers[0].replace(/\/$/, '')}/openid/v1/jwks`;
  return {
    lister,
    authenticators: [clientCertificateAuthenticator, bearerAuthenticator(tokens, audiences)],
    authorizers,
    admission: admissionPlugins({ ...options, lister, authorize, roles }),
    handlers: new Map([
      ['serviceaccounts/token', tokenHandler({ keys, issuer: issuers[0], audiences })],
      ['certificatesigningrequests.certificates.k8s.io/approval', approvalHandler],
      ['nodes/sync', nodeSyncHandler(createNodeChanges(store, lister), options.agentVersion)],
      ...reviewHandlers({ authorize, roles, tokens, audiences }),
    ]),
    documents: new Map([
      [
        '/.well-known/openid-configuration',
        {
          contentType: 'application/json',
          body: () => JSON.stringify(discoveryDocument(issuers[0], jwksUri, keys)),
        },
      ],
      ['/openid/v1/jwks', { contentType: 'application/jwk-set+json', body: () => JSON.stringify(keys.jwks()) }],
    ]),
  };
}
