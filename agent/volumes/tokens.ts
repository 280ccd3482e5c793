// Service account tokens for projected volumes: asked for as the node, renewed at 80% of their life (or 24 hours).
// https://kubernetes.io/docs/concepts/storage/projected-volumes/#serviceaccounttoken
import type { Pod, ServiceAccountTokenProjection } from '../../core/api/types.gen.ts';
import type { Client } from '../../core/client/client.ts';

interface Held {
  token: string;
  expiresAt: number;
  renewAt: number;
}

const dayMs = 86_400_000;
const defaultSeconds = 3607;

interface TokenReply {
  status?: { token: string; expirationTimestamp: string };
}

export class TokenCache {
  readonly #client: Client;
  readonly #held = new Map<string, Held>();
  readonly #asking = new Map<string, Promise<Held>>();
  readonly #now: () => number;

  constructor(client: Client, now: () => number) {
    this.#client = client;
    this.#now = now;
  }

  /** One request for all volumes that want the same token; an old one goes on being used while it cannot be renewed. */
  async get(pod: Pod, projection: ServiceAccountTokenProjection): Promise<string> {
    const key = `${pod.metadata?.uid}/${pod.spec?.serviceAccountName}/${projection.audience ?? ''}/${projection.expirationSeconds ?? ''}`;
    const held = this.#held.get(key);
    if (held && this.#now() < held.renewAt) return held.token;
    let asking = this.#asking.get(key);
    if (!asking) {
      asking = this.#request(pod, projection).finally(() => this.#asking.delete(key));
      this.#asking.set(key, asking);
    }
    try {
      const fresh = await asking;
      this.#held.set(key, fresh);
      return fresh.token;
    } catch (error) {
      if (held && this.#now() < held.expiresAt) return held.token;
      throw error;
    }
  }

  forget(uid: string): void {
    for (const key of this.#held.keys()) if (key.startsWith(`${uid}/`)) this.#held.delete(key);
  }

  async #request(pod: Pod, projection: ServiceAccountTokenProjection): Promise<Held> {
    const { name, namespace, uid } = pod.metadata ?? {};
    const request = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      metadata: {},
      spec: {
        audiences: projection.audience ? [projection.audience] : [],
        expirationSeconds: projection.expirationSeconds ?? defaultSeconds,
        boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
      },
    };
    const account = pod.spec?.serviceAccountName || 'default';
    const at = this.#now();
    const answer = (await this.#client.create({ group: '', version: 'v1', plural: 'serviceaccounts' }, request, {
      ...(namespace ? { namespace } : {}),
      name: account,
      subresource: 'token',
    })) as TokenReply;
    if (!answer.status) throw new Error(`failed to fetch token: no token for service account "${account}"`);
    const expiresAt = Date.parse(answer.status.expirationTimestamp);
    return { token: answer.status.token, expiresAt, renewAt: at + Math.min((expiresAt - at) * 0.8, dayMs) };
  }
}
