import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { ECRClient } from '@aws-sdk/client-ecr';
import { askAuthorization } from './client.ts';
import { EcrCredentials, type EcrToken } from './credentials.ts';
import { ecrHost } from './hosts.ts';

const own = '111122223333.dkr.ecr.eu-central-1.amazonaws.com/shop/web:1';
const hour = 3_600_000;

test('hosts of private registries are known in all their forms, and no other', () => {
  const region = (image: string): string | undefined => {
    const host = ecrHost(image);
    return host && `${host.account} ${host.region}${host.fips ? ' fips' : ''}`;
  };
  assert.equal(region(own), '111122223333 eu-central-1');
  assert.equal(region('111122223333.dkr.ecr-fips.us-gov-west-1.amazonaws.com/x'), '111122223333 us-gov-west-1 fips');
  assert.equal(region('111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn/x'), '111122223333 cn-north-1');
  assert.equal(region('111122223333.dkr.ecr.eusc-de-east-1.amazonaws.eu/x'), '111122223333 eusc-de-east-1');
  assert.equal(region('111122223333.dkr-ecr.eu-west-3.on.aws/x@sha256:00'), '111122223333 eu-west-3');
  for (const other of [
    'public.ecr.aws/nginx/nginx:1',
    'nginx',
    '111122223333.dkr.ecr.eu-central-1.amazonaws.com.evil.example/x',
    // A region's registry is in its own partition.
    '111122223333.dkr.ecr.eu-central-1.amazonaws.com.cn/x',
    '111122223333.dkr.ecr.eu-central-1.evil.example/x',
    '1.dkr.ecr.eu-central-1.amazonaws.com/x',
    'registry.example/111122223333.dkr.ecr.eu-central-1.amazonaws.com/x',
  ]) {
    assert.equal(region(other), undefined, other);
  }
});

/** Credentials on a clock of the test's, from an ECR that answers or fails as it says. */
function stand() {
  const state = { now: 0, asked: [] as string[], failing: '', life: 12 * hour };
  const credentials = new EcrCredentials({
    now: () => state.now,
    ask: async ({ region, fips }): Promise<EcrToken> => {
      state.asked.push(region + (fips ? '/fips' : ''));
      const { failing } = state;
      await Promise.resolve();
      if (failing) throw new Error(failing);
      return { username: 'AWS', password: `${region}-${state.asked.length}`, expiresAtMs: state.now + state.life };
    },
  });
  return { state, credentials };
}

test('one token a region serves every account, is asked for once, and renewed an hour before its end', async () => {
  const { state, credentials } = stand();
  const both = await Promise.all([
    credentials.get(own),
    credentials.get(own.replace('111122223333', '444455556666')),
    credentials.get('public.ecr.aws/nginx'),
  ]);
  assert.deepEqual(
    both.map((token) => token?.password),
    ['eu-central-1-1', 'eu-central-1-1', undefined],
  );
  await credentials.get(own.replace('eu-central-1', 'us-east-1'));
  assert.deepEqual(state.asked, ['eu-central-1', 'us-east-1']);
  state.now = 11 * hour - 1;
  assert.equal((await credentials.get(own))?.password, 'eu-central-1-1');
  state.now = 11 * hour;
  assert.equal((await credentials.get(own))?.password, 'eu-central-1-3');
});

test('a token that lives shorter than the margin is used for half of its life', async () => {
  const { state, credentials } = stand();
  state.life = hour;
  await credentials.get(own);
  state.now = hour / 2 - 1;
  await credentials.get(own);
  assert.equal(state.asked.length, 1);
  state.now = hour / 2;
  await credentials.get(own);
  assert.equal(state.asked.length, 2);
});

test('while ECR is down a token that is still valid is used; without one the failure says so and is not repeated at once', async () => {
  const { state, credentials } = stand();
  await credentials.get(own);
  state.failing = 'connect ECONNREFUSED';
  state.now = 11.5 * hour;
  assert.equal((await credentials.get(own))?.password, 'eu-central-1-1');
  state.now = 12 * hour;
  const words = /^Error: no token for the ECR registries of eu-central-1: connect ECONNREFUSED$/;
  await assert.rejects(credentials.get(own), words);
  const asked = state.asked.length;
  await assert.rejects(credentials.get(own), words);
  assert.equal(state.asked.length, asked);
  state.failing = '';
  state.now += 60_000;
  assert.equal((await credentials.get(own))?.password, `eu-central-1-${asked + 1}`);
});

test('a refused token is dropped; a late word about an older one is not heard', async () => {
  const { credentials } = stand();
  const first = (await credentials.get(own))!;
  credentials.refused(own, first);
  const second = (await credentials.get(own))!;
  assert.notEqual(second.password, first.password);
  credentials.refused(own, first);
  assert.equal(await credentials.get(own), second);
});

test('the SDK asks as ECR is asked, and its answer becomes a token', async () => {
  const targets: unknown[] = [];
  const answers = [
    {
      authorizationToken: Buffer.from('AWS:a:b').toString('base64'),
      expiresAt: 1_800_000_000.5,
      proxyEndpoint: 'https://111122223333.dkr.ecr.eu-central-1.amazonaws.com',
    },
    {},
  ];
  const server = createServer((request, response) => {
    targets.push(request.headers['x-amz-target']);
    request.resume().on('end', () => {
      response.setHeader('content-type', 'application/x-amz-json-1.1');
      response.end(JSON.stringify({ authorizationData: [answers.shift()] }));
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const client = new ECRClient({
    region: 'eu-central-1',
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    credentials: { accessKeyId: 'A', secretAccessKey: 'S' },
  });
  try {
    assert.deepEqual(await askAuthorization(client, 0), {
      username: 'AWS',
      password: 'a:b',
      expiresAtMs: 1_800_000_000_500,
      registry: '111122223333.dkr.ecr.eu-central-1.amazonaws.com',
    });
    await assert.rejects(askAuthorization(client, 0), /without an authorization token/);
    assert.deepEqual(targets, Array(2).fill('AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken'));
  } finally {
    client.destroy();
    server.close();
  }
});
