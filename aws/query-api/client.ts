// Calls of AWS' query APIs (Elastic Load Balancing, security groups of EC2), signed by hand: a dozen operations do not need a client
// of each service in the function's bundle.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
import type { AwsCredentialIdentityProvider } from '@smithy/types';
import { serviceOrigin } from '../identity/endpoints.ts';
import { readXml, textAt, type XmlElement } from './xml.ts';

/** https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/CommonErrors.html */
export class AwsError extends Error {
  /** `LoadBalancerNotFound`, `DependencyViolation`; '' when AWS gave none. */
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = 'AwsError';
    this.code = code;
  }
}

const versions = { elasticloadbalancing: '2015-12-01', ec2: '2016-11-15' } as const;

export type QueryService = keyof typeof versions;

export interface QueryOptions {
  region: string;
  credentials: AwsCredentialIdentityProvider;
  /** Milliseconds since the epoch. */
  now: () => number;
  /** Of an emulator. */
  endpoint?: string | undefined;
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
}

/** The answer's outermost element. Rejects with an AwsError for what AWS refused. */
export type Query = (
  service: QueryService,
  action: string,
  parameters: Readonly<Record<string, string>>,
) => Promise<XmlElement>;

const patienceMs = 10_000;

export function queryClient({ region, credentials, now, endpoint, fetch = globalThis.fetch }: QueryOptions): Query {
  return async (service, action, parameters) => {
    const { SignatureV4 } = await import('@smithy/signature-v4');
    const { Sha256 } = await import('@aws-crypto/sha256-js');
    const url = new URL(serviceOrigin(service, region, endpoint));
    const body = new URLSearchParams({ Action: action, Version: versions[service], ...parameters }).toString();
    const signed = await new SignatureV4({ service, region, credentials, sha256: Sha256 }).sign(
      {
        method: 'POST',
        protocol: url.protocol,
        hostname: url.hostname,
        ...(url.port ? { port: Number(url.port) } : {}),
        path: '/',
        headers: { host: url.host, 'content-type': 'application/x-www-form-urlencoded' },
        body,
      },
      { signingDate: new Date(now()) },
    );
    // The web's fetch says the host by itself.
    const { host: _host, ...headers } = signed.headers;
    const signal = AbortSignal.timeout(patienceMs);
    const response = await fetch(`${url.origin}/`, { method: 'POST', headers, body, redirect: 'error', signal });
    const text = await response.text();
    if (!response.ok) throw errorOf(action, response.status, text);
    return readXml(text);
  };
}

/** `ErrorResponse/Error` of most services, `Response/Errors/Error` of EC2. */
function errorOf(action: string, status: number, text: string): AwsError {
  const [, code = ''] = /<Code>([^<]*)<\/Code>/.exec(text) ?? [];
  if (!code) return new AwsError('', `${action}: AWS answers ${status}`);
  const answer = readXml(text);
  const message = textAt(answer, 'Error', 'Message') || textAt(answer, 'Errors', 'Error', 'Message');
  return new AwsError(code, `${action}: ${code}: ${message}`);
}

/** `member.1`, `member.2` and so on, as the query APIs number lists. */
export function numbered(prefix: string, values: readonly (string | Record<string, string>)[]): Record<string, string> {
  const entries = values.flatMap((value, i) => {
    const name = `${prefix}.${i + 1}`;
    if (typeof value === 'string') return [[name, value] as const];
    return Object.entries(value).map(([field, text]) => [`${name}.${field}`, text] as const);
  });
  return Object.fromEntries(entries);
}
