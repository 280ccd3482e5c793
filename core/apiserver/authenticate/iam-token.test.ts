import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { IamTokenRefused, parseIamToken } from './iam-token.ts';

const origin = 'https://sts.eu-west-1.amazonaws.com';
const origins = new Set([origin, 'https://sts.amazonaws.com']);
const nowMs = Date.parse('2026-11-26T10:00:00Z');

const good = {
  Action: 'GetCallerIdentity',
  Version: '2011-06-15',
  'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
  'X-Amz-Credential': 'AKIDEXAMPLE/20261126/eu-west-1/sts/aws4_request',
  'X-Amz-Date': '20261126T095900Z',
  'X-Amz-Expires': '60',
  'X-Amz-SignedHeaders': 'host;x-k8s-aws-id',
  'X-Amz-Signature': 'a'.repeat(64),
};

const queryOf = (values: Record<string, string | undefined>): string =>
  Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${encodeURIComponent(value ?? '')}`)
    .join('&');

const tokenOf = (url: string): string => `k8s-aws-v1.${Buffer.from(url, 'latin1').toString('base64url')}`;
const withQuery = (query: string): string => tokenOf(`${origin}/?${query}`);
const withValues = (values: Record<string, string | undefined>): string => withQuery(queryOf({ ...good, ...values }));
const at = (url: string): string => tokenOf(`${url}?${queryOf(good)}`);

const parse = (token: string) => parseIamToken(token, origins, nowMs);
const refused = (token: string, why: RegExp): void =>
  assert.throws(
    () => parse(token),
    (error) => error instanceof IamTokenRefused && why.test(error.message),
    `refused: ${why.source}`,
  );

test('a token is its origin, its query and its end', () => {
  const query = queryOf(good);
  assert.deepEqual(parse(withQuery(query)), { origin, query, expiresAtMs: nowMs - 60_000 + 15 * 60_000 });
  const session = parse(withValues({ 'X-Amz-Security-Token': 'a+b/c=', 'X-Amz-User-Agent': 'aws-cli/2 x' }));
  assert.match(session?.query ?? '', /X-Amz-Security-Token=a%2Bb%2Fc%3D/);
});

test('tokens of other kinds are not ours to refuse', () => {
  for (const token of ['', 'eyJhbGciOiJFUzI1NiJ9.e30.x', 'k8s-aws-v2.abc', 'abcdef.0123456789abcdef']) {
    assert.equal(parse(token), undefined);
  }
});

describe('the URL', () => {
  test('only of an STS that is allowed', () => {
    refused(at('https://sts.evil.example/'), /no endpoint/);
    refused(at('https://sts.us-east-1.amazonaws.com/'), /no endpoint/);
    refused(at('https://sts.eu-west-1.amazonaws.com.evil.example/'), /no endpoint/);
    refused(at('https://eu-west-1.amazonaws.com/'), /no endpoint/);
    refused(at('http://sts.eu-west-1.amazonaws.com/'), /no endpoint/);
    refused(at('ftp://sts.eu-west-1.amazonaws.com/'), /no presigned URL/);
    refused(at('https://169.254.169.254/'), /no endpoint/);
  });

  test('no port, user information or other spelling of an allowed host', () => {
    for (const authority of [
      'sts.eu-west-1.amazonaws.com:443',
      'sts.eu-west-1.amazonaws.com:8080',
      'sts.eu-west-1.amazonaws.com.',
    ]) {
      refused(at(`https://${authority}/`), /no endpoint/);
    }
    for (const authority of [
      'user@sts.eu-west-1.amazonaws.com',
      'sts.eu-west-1.amazonaws.com@evil.example',
      'sts.eu-west-1.amazonaws.com:@evil.example',
      'evil.example\\@sts.eu-west-1.amazonaws.com',
      'STS.eu-west-1.amazonaws.com',
      '[::1]',
    ]) {
      refused(at(`https://${authority}/`), /no presigned URL/);
    }
  });

  test('no other path, no fragment, nothing around it', () => {
    for (const url of [`${origin}`, `${origin}/x`, `${origin}//`, `${origin}/..;/`, `${origin}/%2e/`]) {
      refused(at(url), /no presigned URL/);
    }
    const whole = `${origin}/?${queryOf(good)}`;
    for (const url of [`${whole}#x`, ` ${whole}`, `${whole}\n`, `${whole}?x=y`, `\u00e9${whole}`]) {
      refused(tokenOf(url), /no presigned URL/);
    }
  });

  test('no line break that could become a header', () => {
    refused(tokenOf(`${origin}/?${queryOf(good)}\r\nx-k8s-aws-id: other`), /no presigned URL/);
    refused(withValues({ 'X-Amz-User-Agent': 'a\r\nx-k8s-aws-id: other' }), /X-Amz-User-Agent has a value/);
    refused(withValues({ 'X-Amz-Security-Token': 'a\nb' }), /X-Amz-Security-Token has a value/);
  });
});

describe('the parameters', () => {
  test('another action, version, algorithm, service or scope is refused', () => {
    refused(withValues({ Action: 'AssumeRole' }), /Action has a value/);
    refused(withValues({ Action: 'GetCallerIdentity\n' }), /Action has a value/);
    refused(withValues({ Version: '2010-05-08' }), /Version has a value/);
    refused(withValues({ 'X-Amz-Algorithm': 'AWS4-ECDSA-P256-SHA256' }), /X-Amz-Algorithm has a value/);
    refused(withValues({ 'X-Amz-Credential': 'AKID/20261126/eu-west-1/iam/aws4_request' }), /X-Amz-Credential has/);
    refused(withValues({ 'X-Amz-Signature': 'A'.repeat(64) }), /X-Amz-Signature has a value/);
  });

  test('each is there once', () => {
    refused(withQuery(`${queryOf(good)}&Action=AssumeRole`), /Action is there twice/);
    refused(withQuery(`Action=AssumeRole&${queryOf(good)}`), /Action is there twice/);
    for (const name of Object.keys(good)) refused(withValues({ [name]: undefined }), new RegExp(`${name} is missing`));
  });

  test('an unknown one, or a known one in other letters, is refused', () => {
    refused(withQuery(`${queryOf(good)}&action=AssumeRole`), /action is not allowed/);
    refused(withQuery(`${queryOf(good)}&RoleArn=x`), /RoleArn is not allowed/);
    refused(withQuery(`${queryOf(good)}&x-amz-date=20261126T095900Z`), /x-amz-date is not allowed/);
    refused(withQuery(`${queryOf(good)}&%41ction=AssumeRole`), /%41ction is not allowed/);
    refused(withQuery(`${queryOf(good)}&__proto__=x`), /__proto__ is not allowed/);
    refused(withQuery(`${queryOf(good)}&constructor=x`), /constructor is not allowed/);
    refused(withQuery(`${queryOf(good)}&`), /NAME=VALUE/);
    refused(withQuery(`${queryOf(good)}&X-Amz-User-Agent=a=b`), /NAME=VALUE/);
    refused(withQuery(queryOf(good).replace('GetCallerIdentity', '%zz')), /not percent-encoded/);
    refused(withQuery(`${queryOf(good)};RoleArn=x`), /no presigned URL/);
  });

  test('the cluster must be signed, and nothing that we do not send', () => {
    for (const headers of [
      'host',
      'x-k8s-aws-id',
      'host;x-k8s-aws-id;x-amz-date',
      'host;x-k8s-aws-id;x-forwarded-for',
      'x-k8s-aws-id;host',
      'Host;x-k8s-aws-id',
      'host;x-k8s-aws-id;host',
    ]) {
      refused(withValues({ 'X-Amz-SignedHeaders': headers }), /X-Amz-SignedHeaders has a value/);
    }
  });
});

describe('the time', () => {
  test('15 minutes back and five ahead, not more', () => {
    assert.ok(parse(withValues({ 'X-Amz-Date': '20261126T094501Z' })));
    assert.ok(parse(withValues({ 'X-Amz-Date': '20261126T100500Z' })));
    refused(withValues({ 'X-Amz-Date': '20261126T094500Z' }), /15 minutes ago/);
    refused(withValues({ 'X-Amz-Date': '20251126T095900Z' }), /15 minutes ago/);
    refused(withValues({ 'X-Amz-Date': '20261126T100501Z' }), /in the future/);
  });

  test('a date that does not exist, and one in another form', () => {
    refused(withValues({ 'X-Amz-Date': '20261131T095900Z' }), /is no date/);
    refused(withValues({ 'X-Amz-Date': '20261126T256000Z' }), /is no date/);
    refused(withValues({ 'X-Amz-Date': '2026-11-26T09:59:00Z' }), /X-Amz-Date has a value/);
  });

  test('at most 900 seconds', () => {
    assert.ok(parse(withValues({ 'X-Amz-Expires': '900' })));
    refused(withValues({ 'X-Amz-Expires': '901' }), /more than 900/);
    for (const value of ['0', '-60', '1e2', '060', ''])
      refused(withValues({ 'X-Amz-Expires': value }), /X-Amz-Expires/);
  });
});

test('what is no base64url, and what is too long', () => {
  refused('k8s-aws-v1.', /not base64url/);
  refused('k8s-aws-v1.a', /not base64url|no presigned URL/);
  refused('k8s-aws-v1.!!!!', /not base64url/);
  refused(`${withValues({})}=`, /not base64url/);
  refused(withValues({ 'X-Amz-Security-Token': 'a'.repeat(8_000) }), /too long/);
});
