// Bearer tokens: the header is read once, then each kind of token gets its say.
import { isStatus, unauthorized } from '../../api/errors.ts';
import type { Authenticator, User } from '../server.ts';

export interface TokenUser {
  user: User;
  /** The audiences that both the token and the asker name. */
  audiences: string[];
}

/**
 * undefined: not a token of mine. Throws unauthorized() for one that is mine and not valid; its cause holds the reason for
 * a token review.
 */
export type TokenAuthenticator = (token: string, audiences: readonly string[]) => Promise<TokenUser | undefined>;

/** The first that knows the token answers for it. A refusal is kept until the others were asked, as kube-apiserver does. */
export function firstOf(authenticators: readonly TokenAuthenticator[]): TokenAuthenticator {
  return async (token, audiences) => {
    let refusal: unknown;
    for (const authenticate of authenticators) {
      try {
        const found = await authenticate(token, audiences);
        if (found) return found;
      } catch (error) {
        if (!isStatus(error, 'Unauthorized')) throw error;
        refusal ??= error;
      }
    }
    if (refusal) throw refusal;
    return undefined;
  };
}

const bearerToken = (header: string | null): string | undefined => {
  const [scheme, token] = (header ?? '').trim().split(' ', 2);
  return scheme?.toLowerCase() === 'bearer' && token ? token : undefined;
};

/** A WebSocket client in a browser cannot set headers, so the token may come as a subprotocol. */
const protocolPrefix = 'base64url.bearer.authorization.k8s.io.';

function protocolToken(header: string | null): string | undefined {
  const offered = (header ?? '').split(',').map((part) => part.trim());
  const found = offered.find((part) => part.startsWith(protocolPrefix));
  if (!found) return undefined;
  try {
    return atob(found.slice(protocolPrefix.length).replaceAll('-', '+').replaceAll('_', '/'));
  } catch {
    return undefined;
  }
}

/** A token that nobody knows is refused: a caller who shows one does not mean to be anonymous. */
export function bearerAuthenticator(tokens: TokenAuthenticator, audiences: readonly string[]): Authenticator {
  return async (request) => {
    const token =
      bearerToken(request.headers.get('authorization')) ?? protocolToken(request.headers.get('sec-websocket-protocol'));
    if (!token) return undefined;
    const found = await tokens(token, audiences);
    if (!found) throw unauthorized();
    return found.user;
  };
}
