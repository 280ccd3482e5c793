// Fetches one object of S3 into a file. The whole S3 client would be larger than the rest of the agent.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import type { AwsCredentialIdentity } from '@smithy/types';
import { domainSuffix } from './identity/endpoints.ts';

export interface ObjectRequest {
  region: string;
  bucket: string;
  key: string;
  /** Hex, of the content. */
  sha256: string;
  credentials: AwsCredentialIdentity;
  /** Of an emulator; AWS's own when absent. */
  endpoint?: string;
}

const patienceMs = 120_000;

const encoded = (key: string): string => key.split('/').map(encodeURIComponent).join('/');

export function objectUrl({ region, bucket, key, endpoint }: Omit<ObjectRequest, 'sha256' | 'credentials'>): URL {
  if (endpoint) return new URL(`${endpoint.replace(/\/$/, '')}/${bucket}/${encoded(key)}`);
  return new URL(`https://${bucket}.s3.${region}.${domainSuffix(region)}/${encoded(key)}`);
}

/** Throws an Error with S3's own words, or that says that the content is another than expected; the file is then of no use. */
export async function fetchObject(request: ObjectRequest, file: string): Promise<void> {
  const { region, credentials, bucket, key } = request;
  const url = objectUrl(request);
  const signer = new SignatureV4({ service: 's3', region, credentials, sha256: Sha256, uriEscapePath: false });
  const signed = await signer.sign({
    method: 'GET',
    protocol: url.protocol,
    hostname: url.hostname,
    path: url.pathname,
    headers: { host: url.host, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' },
  });
  const { host: _, ...headers } = signed.headers;
  const answer = await fetch(url, { headers, signal: AbortSignal.timeout(patienceMs) });
  if (!answer.ok || !answer.body) {
    const text = await answer.text();
    const words = /<Message>([^<]*)/.exec(text)?.[1] ?? text.slice(0, 200);
    throw new Error(`s3://${bucket}/${key} cannot be read: ${answer.status} ${words}`.trimEnd());
  }
  const hash = createHash('sha256');
  const hashing = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  await pipeline(
    Readable.fromWeb(answer.body as never),
    hashing,
    createWriteStream(file, { mode: 0o644, flush: true }),
  );
  const found = hash.digest('hex');
  if (found !== request.sha256)
    throw new Error(`s3://${bucket}/${key} is not what it should be: its SHA-256 is ${found}`);
}
