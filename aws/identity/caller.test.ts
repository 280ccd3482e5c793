// Tokens as they are made, against an STS that checks their signatures as AWS describes it.
import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { isStatus } from '../../core/api/errors.ts';
import { parseIamToken } from '../../core/apiserver/authenticate/iam-token.ts';
import { presignedSignature } from '../fixture/signature.ts';
import { callerOf } from './caller.ts';
import { allowedOrigins, stsOrigin } from './endpoints.ts';
import { identityToken } from './token.ts';

const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret', sessionToken: 'a+b/c=' };
const region = 'eu-west-1';
const nowMs = Date.parse('2026-11-26T10:00:00Z');

let answer: RequestListener;
const server = createServer((request, response) => answer(request, response));
let endpoint: string;

before(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => server.close());

const result = { Account: '111122223333', Arn: 'arn:aws:iam::111122223333:user/Ann', UserId: 'AIDAEXAMPLE' };
const caller = { account: result.Account, arn: result.Arn, userId: result.UserId };
const json = JSON.stringify({ GetCallerIdentityResponse: { GetCallerIdentityResult: result } });

const checking: RequestListener = ({ url = '', headers }, response) => {
  const [, query = ''] = url.split('?');
  const signature = new URLSearchParams(query).get('X-Amz-Signature');
  if (signature === presignedSignature(credentials.secretAccessKey, query, headers)) response.end(json);
  else response.writeHead(403).end('<Error><Code>SignatureDoesNotMatch</Code></Error>');
};

async function callFor(cluster: string) {
  const { token } = await identityToken({ credentials, region, cluster, nowMs, endpoint });
  return parseIamToken(token, allowedOrigins(region, endpoint), nowMs)!;
}

test('STS takes a token for the cluster it was made for, and for no other', async () => {
  answer = checking;
  const call = await callFor('shop');
  assert.deepEqual(await callerOf({ cluster: 'shop' })(call), caller);
  assert.equal(await callerOf({ cluster: 'other' })(call), undefined);
  assert.equal(
    await callerOf({ cluster: 'shop' })({ ...call, query: call.query.replace('Expires=900', 'Expires=901') }),
    undefined,
  );
});

test('an answer in XML is read as well', async () => {
  answer = (_request, response) =>
    void response.end(
      `<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>${result.Arn}</Arn><UserId>${result.UserId}</UserId>` +
        `<Account>${result.Account}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`,
    );
  assert.deepEqual(await callerOf({ cluster: 'shop' })(await callFor('shop')), caller);
});

test('no redirect is followed, no long answer is read, and what is no answer is 503', async () => {
  const call = await callFor('shop');
  const unavailable = async (listener: RequestListener, why: RegExp): Promise<void> => {
    answer = listener;
    await assert.rejects(
      callerOf({ cluster: 'shop' })(call),
      (error) => isStatus(error, 'ServiceUnavailable') && why.test(error.message),
    );
  };
  let followed = false;
  await unavailable(({ url }, response) => {
    if (url === '/followed') followed = true;
    response.writeHead(307, { location: '/followed' }).end();
  }, /redirect|fetch failed/);
  assert.equal(followed, false);
  await unavailable((_request, response) => void response.end(`{"x":"${'x'.repeat(100_000)}"}`), /too long/);
  await unavailable((_request, response) => void response.end('{}'), /names nobody/);
  await unavailable((_request, response) => void response.end('not json'), /cannot be read/);
  await unavailable((_request, response) => void response.writeHead(500).end(), /answered 500/);
  await unavailable(
    (_request, response) => void response.writeHead(400).end('<Code>Throttling</Code>'),
    /answered 400/,
  );
  await unavailable((request) => void request.socket.destroy(), /./);
});

test('an STS that nobody listens at is 503', async () => {
  const call = { origin: 'http://127.0.0.1:1', query: 'x=y' };
  await assert.rejects(callerOf({ cluster: 'shop' })(call), (error) => isStatus(error, 'ServiceUnavailable'));
});

test('STS of the region is allowed by each of its names, and an emulator only by its own port', () => {
  assert.deepEqual(
    [...allowedOrigins('eu-west-1')],
    [
      'https://sts.eu-west-1.amazonaws.com',
      'https://sts-fips.eu-west-1.amazonaws.com',
      'https://sts.eu-west-1.api.aws',
      'https://sts.amazonaws.com',
    ],
  );
  assert.deepEqual(
    [...allowedOrigins('cn-north-1')],
    ['https://sts.cn-north-1.amazonaws.com.cn', 'https://sts-fips.cn-north-1.amazonaws.com.cn'],
  );
  assert.deepEqual(
    [...allowedOrigins('eusc-de-east-1')],
    ['https://sts.eusc-de-east-1.amazonaws.eu', 'https://sts-fips.eusc-de-east-1.amazonaws.eu'],
  );
  assert.equal(stsOrigin('us-gov-west-1'), 'https://sts.us-gov-west-1.amazonaws.com');
  assert.deepEqual(
    [...allowedOrigins('eu-west-1', 'http://emulator:4566/')],
    ['http://emulator:4566', 'http://127.0.0.1:4566', 'http://localhost:4566'],
  );
});
