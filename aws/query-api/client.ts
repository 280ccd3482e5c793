// Calls of AWS' query APIs (Elastic Load Balancing, security groups of EC2): a dozen operations do not need a client of each service in
// the function's bundle, which may have 1.5 MB with the API's client in it.
import type { AwsCredentialIdentityProvider } from '@smithy/types';
import { serviceOrigin } from '../identity/endpoints.ts';
import { postSigned } from './signed-post.ts';
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

export function queryClient({ region, credentials, now, endpoint, fetch }: QueryOptions): Query {
  return async (service, action, parameters) => {
    const response = await postSigned({
      service,
      region,
      credentials,
      origin: serviceOrigin(service, region, endpoint),
      form: { Action: action, Version: versions[service], ...parameters },
      nowMs: now(),
      signal: AbortSignal.timeout(patienceMs),
      ...(fetch ? { fetch } : {}),
    });
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
