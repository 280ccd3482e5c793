// The bearer token of an IAM identity: a presigned sts:GetCallerIdentity URL in base64url, as `aws eks get-token` makes it. Whoever is
// handed it calls the URL, and STS answers whose credentials signed it; the cluster's name is signed too, so a token is good for one.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import type { AwsCredentialIdentity } from '@smithy/types';
import { stsOrigin } from './endpoints.ts';

const tokenPrefix = 'k8s-aws-v1.';
/** Signed header that carries the cluster's name. */
const clusterHeader = 'x-k8s-aws-id';
/** STS takes a signature for 15 minutes, whatever a URL says of itself. */
const signatureLifeMs = 15 * 60_000;
/** A token is not used in its last minute, in which it may run out on its way. */
const marginMs = 60_000;

export interface IdentityTokenOptions {
  credentials: AwsCredentialIdentity;
  region: string;
  cluster: string;
  /** Milliseconds since the epoch, right within minutes: STS refuses what was signed at another time. */
  nowMs: number;
  /** `http://127.0.0.1:4566` of an emulator; AWS's own of the region when absent. */
  endpoint?: string;
}

export interface IdentityToken {
  token: string;
  /** Milliseconds since the epoch until when it may be sent. */
  expiresAtMs: number;
}

/** RFC 3986, as signatures are computed. */
const escaped = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);

export async function identityToken(options: IdentityTokenOptions): Promise<IdentityToken> {
  const { credentials, region, cluster, nowMs } = options;
  const at = new URL(stsOrigin(region, options.endpoint));
  const signer = new SignatureV4({ service: 'sts', region, credentials, sha256: Sha256 });
  const request = {
    method: 'GET',
    protocol: at.protocol,
    hostname: at.hostname,
    ...(at.port ? { port: Number(at.port) } : {}),
    path: '/',
    query: { Action: 'GetCallerIdentity', Version: '2011-06-15' },
    headers: { host: at.host, [clusterHeader]: cluster },
  };
  const signed = await signer.presign(request, {
    signingDate: new Date(nowMs),
    expiresIn: signatureLifeMs / 1000,
  });
  const query = Object.entries(signed.query ?? {}).map(([name, value]) => `${escaped(name)}=${escaped(String(value))}`);
  const url = `${at.origin}/?${query.join('&')}`;
  const ends = Math.min(nowMs + signatureLifeMs, credentials.expiration?.getTime() ?? Number.POSITIVE_INFINITY);
  return { token: tokenPrefix + Buffer.from(url).toString('base64url'), expiresAtMs: ends - marginMs };
}
