import assert from 'node:assert/strict';
import { test } from 'node:test';
import { presignedSignature } from '../fixture/signature.ts';
import { identityToken } from './token.ts';
import { TokenSource } from './token-source.ts';

const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
const at = Date.parse('2026-11-26T10:00:00Z');

const expectedSignature = (url: URL, cluster: string): string =>
  presignedSignature(credentials.secretAccessKey, url.search.slice(1), { host: url.host, 'x-k8s-aws-id': cluster });

const urlOf = (token: string): URL => new URL(Buffer.from(token.slice('k8s-aws-v1.'.length), 'base64url').toString());

test('a token is the presigned URL, with the cluster in a signed header', async () => {
  const made = await identityToken({ credentials, region: 'eu-central-1', cluster: 'shop', nowMs: at });
  assert.match(made.token, /^k8s-aws-v1\.[A-Za-z0-9_-]+$/);
  const url = urlOf(made.token);
  assert.equal(url.origin, 'https://sts.eu-central-1.amazonaws.com');
  assert.equal(url.searchParams.get('Action'), 'GetCallerIdentity');
  assert.equal(url.searchParams.get('X-Amz-SignedHeaders'), 'host;x-k8s-aws-id');
  assert.equal(url.searchParams.get('X-Amz-Credential'), 'AKIDEXAMPLE/20261126/eu-central-1/sts/aws4_request');
  assert.equal(url.searchParams.get('X-Amz-Date'), '20261126T100000Z');
  assert.equal(url.searchParams.get('X-Amz-Signature'), expectedSignature(url, 'shop'));
  assert.notEqual(url.searchParams.get('X-Amz-Signature'), expectedSignature(url, 'other'));
  assert.equal(made.expiresAtMs, at + 14 * 60_000);
});

test('session tokens are signed along, and a token does not outlive its credentials', async () => {
  const session = { ...credentials, sessionToken: 'a+b/c=', expiration: new Date(at + 5 * 60_000) };
  const made = await identityToken({ credentials: session, region: 'cn-north-1', cluster: 'shop', nowMs: at });
  const url = urlOf(made.token);
  assert.equal(url.host, 'sts.cn-north-1.amazonaws.com.cn');
  assert.equal(url.searchParams.get('X-Amz-Security-Token'), 'a+b/c=');
  assert.equal(made.expiresAtMs, at + 4 * 60_000);
});

const source = () => {
  const state = { now: at, asked: 0, failing: false };
  const tokens = new TokenSource({
    credentials: async () => {
      state.asked++;
      if (state.failing) throw new Error('no role');
      return credentials;
    },
    region: 'eu-central-1',
    cluster: 'shop',
    now: () => state.now,
  });
  return { state, tokens };
};

test('one token serves all callers until shortly before its end', async () => {
  const { state, tokens } = source();
  const [first, second] = await Promise.all([tokens.get(), tokens.get()]);
  assert.equal(first, second);
  state.now += 13 * 60_000;
  assert.equal(await tokens.get(), first);
  assert.equal(state.asked, 1);
  state.now += 2 * 60_000;
  const renewed = await Promise.all([tokens.get(), tokens.get(), tokens.get()]);
  assert.notEqual(renewed[0], first);
  assert.equal(new Set(renewed).size, 1);
  assert.equal(state.asked, 2);
});

test('credentials that cannot be had fail the call, and are asked for again by the next', async () => {
  const { state, tokens } = source();
  state.failing = true;
  await assert.rejects(tokens.get(), /no role/);
  state.failing = false;
  assert.match(await tokens.get(), /^k8s-aws-v1\./);
});

test('a clock that is wrong by minutes is corrected by the server, and goes back when it is right', async () => {
  const { state, tokens } = source();
  const server = (skewMs: number): string => new Date(state.now + skewMs).toUTCString();
  await tokens.get();
  assert.equal(tokens.observe(server(60_000)), false);
  assert.equal(tokens.observe('no date'), false);
  assert.equal(tokens.observe(server(10 * 60_000)), true);
  assert.equal(tokens.observe(server(10 * 60_000 + 5_000)), false);
  assert.equal(urlOf(await tokens.get()).searchParams.get('X-Amz-Date'), '20261126T101000Z');
  state.now += 10 * 60_000;
  assert.equal(tokens.observe(server(0)), true);
  assert.equal(tokens.offsetMs, 0);
});
