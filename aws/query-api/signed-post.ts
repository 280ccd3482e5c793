// One signed call of an AWS query API: a form that is posted. The web's fetch and a signer take the place of a service's client, which
// would be larger than what calls it. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
import type { AwsCredentialIdentity, AwsCredentialIdentityProvider } from '@smithy/types';

export interface SignedPost {
  /** As signatures name it: `sts`, `ec2`. */
  service: string;
  region: string;
  credentials: AwsCredentialIdentity | AwsCredentialIdentityProvider;
  /** `https://host`, of the service or of an emulator. */
  origin: string;
  form: Readonly<Record<string, string>>;
  /** Besides those that a form has. */
  headers?: Readonly<Record<string, string>>;
  nowMs: number;
  signal?: AbortSignal;
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
}

/** Rejects when no answer comes; what AWS refuses is an answer. */
export async function postSigned(post: SignedPost): Promise<Response> {
  const { service, region, credentials, origin, form, nowMs, signal, fetch = globalThis.fetch } = post;
  const { SignatureV4 } = await import('@smithy/signature-v4');
  const { Sha256 } = await import('@aws-crypto/sha256-js');
  const url = new URL(origin);
  const body = new URLSearchParams(form).toString();
  const signed = await new SignatureV4({ service, region, credentials, sha256: Sha256 }).sign(
    {
      method: 'POST',
      protocol: url.protocol,
      hostname: url.hostname,
      ...(url.port ? { port: Number(url.port) } : {}),
      path: '/',
      headers: { host: url.host, 'content-type': 'application/x-www-form-urlencoded', ...post.headers },
      body,
    },
    { signingDate: new Date(nowMs) },
  );
  // The web's fetch says the host by itself.
  const { host: _host, ...headers } = signed.headers;
  const init = { method: 'POST', headers, body, redirect: 'error' } as const;
  return fetch(`${url.origin}/`, signal ? { ...init, signal } : init);
}
