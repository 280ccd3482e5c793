// Bootstrap tokens ("abcdef.0123456789abcdef"): secrets of their own type in kube-system that let a new node ask for a
// certificate. Source: https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/
import type { Secret } from '../../api/types.gen.ts';
import type { Clock } from '../../ports.ts';
import type { Store } from '../../store/store.ts';
import type { TokenAuthenticator } from './bearer.ts';

const tokenPattern = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const secretType = 'bootstrap.kubernetes.io/token';
const defaultGroup = 'system:bootstrappers';
const groupPattern = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;

const text = (data: Record<string, string>, key: string): string => {
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(data[key] ?? ''), (char) => char.charCodeAt(0)));
  } catch {
    return '';
  }
};

/** Compares without telling by its time where two secrets first differ. */
function equalSecrets(a: string, b: string): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i);
  return difference === 0;
}

export function bootstrapTokens(deps: { store: Store; clock: Clock }): TokenAuthenticator {
  return async (token, audiences) => {
    const [, id, secretPart] = tokenPattern.exec(token) ?? [];
    if (!id || !secretPart) return undefined;
    const found = await deps.store.get('secrets', { namespace: 'kube-system', name: `bootstrap-token-${id}` });
    const secret = found?.object as Secret | undefined;
    if (!secret || secret.metadata?.deletionTimestamp || secret.type !== secretType) return undefined;
    const data = secret.data ?? {};
    if (!equalSecrets(text(data, 'token-secret'), secretPart) || text(data, 'token-id') !== id) return undefined;
    if (isExpired(text(data, 'expiration'), deps.clock.now())) return undefined;
    if (text(data, 'usage-bootstrap-authentication') !== 'true') return undefined;
    const groups = extraGroups(text(data, 'auth-extra-groups'));
    return groups && { user: { username: `system:bootstrap:${id}`, groups }, audiences: [...audiences] };
  };
}

/** An expiration that cannot be read counts as past. */
function isExpired(expiration: string, nowMs: number): boolean {
  if (!expiration) return false;
  const at = Date.parse(expiration);
  return Number.isNaN(at) || at <= nowMs;
}

/** One group that is not allowed makes the whole token useless. */
function extraGroups(list: string): string[] | undefined {
  const extra = list.split(',').filter(Boolean);
  if (extra.some((group) => !groupPattern.test(group))) return undefined;
  return [...new Set([defaultGroup, ...extra])].sort();
}
