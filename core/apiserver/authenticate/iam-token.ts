// The token of an IAM identity: a presigned URL of sts:GetCallerIdentity, as `aws eks get-token` makes it. Whoever made it can
// sign as that identity; STS says who that is when the URL is called with the cluster's name in the signed header
// x-k8s-aws-id. Everything about the URL is checked before anybody calls it: it comes from a stranger. Pure.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html

/** What a token of this kind begins with. */
export const iamTokenPrefix = 'k8s-aws-v1.';
/** The signed header that holds the cluster's name. */
export const clusterHeader = 'x-k8s-aws-id';
/** STS takes a presigned URL for 15 minutes, whatever it says itself. */
export const iamTokenLifeMs = 15 * 60_000;

/** Longest session tokens that STS hands out, and the rest of the URL. */
const maxTokenLength = 8_192;
const maxExpiresSeconds = 900;
/** The caller's clock may be ahead by as much as AWS itself allows. */
const skewMs = 5 * 60_000;

/** A URL that may be called. It is put together again from what was checked: nothing else of the token is ever sent. */
export interface IamCall {
  /** `https://sts.eu-west-1.amazonaws.com`, one of those allowed. */
  origin: string;
  /** As it was signed. */
  query: string;
  /** When STS stops to take it, in milliseconds since the epoch. */
  expiresAtMs: number;
}

/** Why a token is refused: for logs and token reviews, not for its bearer. */
export class IamTokenRefused extends Error {
  constructor(why: string) {
    super(why);
    this.name = 'IamTokenRefused';
  }
}

const refuse = (why: string): never => {
  throw new IamTokenRefused(why);
};

/** Parameters that may be there, with what each may say. */
const parameters: Readonly<Record<string, { required: boolean; pattern: RegExp }>> = {
  Action: { required: true, pattern: /^GetCallerIdentity$/ },
  Version: { required: true, pattern: /^2011-06-15$/ },
  'X-Amz-Algorithm': { required: true, pattern: /^AWS4-HMAC-SHA256$/ },
  'X-Amz-Credential': { required: true, pattern: /^\w+\/\d{8}\/[a-z0-9-]+\/sts\/aws4_request$/ },
  'X-Amz-Date': { required: true, pattern: /^\d{8}T\d{6}Z$/ },
  'X-Amz-Expires': { required: true, pattern: /^[1-9]\d{0,3}$/ },
  'X-Amz-Security-Token': { required: false, pattern: /^[\w+/=-]+$/ },
  'X-Amz-Signature': { required: true, pattern: /^[0-9a-f]{64}$/ },
  // Nothing but these two: a header that is signed and that we do not send would make the URL mean something else.
  'X-Amz-SignedHeaders': { required: true, pattern: new RegExp(`^host;${clusterHeader}$`) },
  'X-Amz-User-Agent': { required: false, pattern: /^[\x20-\x7e]{0,256}$/ },
};

/** Scheme and authority, the path `/` alone, and a query without anything that programs read in two ways. */
const urlPattern = /^(https?:\/\/[a-z0-9.-]+(?::\d{1,5})?)\/\?([A-Za-z0-9%&=._~*-]+)$/;

/** undefined: another kind of token. Throws IamTokenRefused. `origins`: where STS may be called. */
export function parseIamToken(token: string, origins: ReadonlySet<string>, nowMs: number): IamCall | undefined {
  if (!token.startsWith(iamTokenPrefix)) return undefined;
  if (token.length > maxTokenLength) refuse('the token is too long');
  const [, origin = '', query = ''] =
    urlPattern.exec(decoded(token.slice(iamTokenPrefix.length))) ?? refuse('the token holds no presigned URL of STS');
  if (!origins.has(origin)) refuse(`${origin} is no endpoint of STS that this cluster calls`);
  const values = valuesOf(query);
  const signedAtMs = timeOf(values.get('X-Amz-Date') ?? '');
  if (Number(values.get('X-Amz-Expires')) > maxExpiresSeconds) refuse('X-Amz-Expires is more than 900 seconds');
  if (signedAtMs > nowMs + skewMs) refuse('X-Amz-Date is in the future');
  const expiresAtMs = signedAtMs + iamTokenLifeMs;
  if (nowMs >= expiresAtMs) refuse('X-Amz-Date is more than 15 minutes ago');
  return { origin, query, expiresAtMs };
}

function decoded(text: string): string {
  if (!/^[A-Za-z0-9_-]+$/.test(text)) return refuse('the token is not base64url');
  try {
    return atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  } catch {
    return refuse('the token is not base64url');
  }
}

/** Each known parameter once, with a value that it may have. Names are compared as they stand: STS does so too. */
function valuesOf(query: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const part of query.split('&')) {
    const [name = '', text, ...more] = part.split('=');
    if (text === undefined || more.length > 0) refuse('a parameter is not NAME=VALUE');
    if (!Object.hasOwn(parameters, name)) refuse(`parameter ${name} is not allowed`);
    if (values.has(name)) refuse(`parameter ${name} is there twice`);
    values.set(name, decodedValue(text ?? ''));
  }
  for (const [name, { required, pattern }] of Object.entries(parameters)) {
    const value = values.get(name);
    if (value === undefined && required) refuse(`parameter ${name} is missing`);
    if (value !== undefined && !pattern.test(value)) refuse(`parameter ${name} has a value that is not allowed`);
  }
  return values;
}

function decodedValue(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return refuse('a value is not percent-encoded');
  }
}

/** `20260102T030405Z`. A date that does not exist is no date. */
function timeOf(text: string): number {
  const iso = text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z');
  const ms = Date.parse(iso);
  if (Number.isNaN(ms) || new Date(ms).toISOString() !== iso.replace('Z', '.000Z'))
    return refuse('X-Amz-Date is no date');
  return ms;
}
