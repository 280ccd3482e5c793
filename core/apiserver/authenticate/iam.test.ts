import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isStatus, StatusError } from '../../api/errors.ts';
import { createWorld, type World } from '../fixture/world.ts';
import { type IamOptions, iamTokens } from './iam.ts';
import type { CallerIdentity } from './iam-identity.ts';

const origin = 'https://sts.eu-west-1.amazonaws.com';
const account = '111122223333';
const workerRole = `arn:aws:iam::${account}:role/slipway/Workers`;

function tokenAt(world: World, credential = 'AKIDEXAMPLE'): string {
  const date = new Date(world.clock.now()).toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const query = new URLSearchParams({
    Action: 'GetCallerIdentity',
    Version: '2011-06-15',
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `${credential}/${date.slice(0, 8)}/eu-west-1/sts/aws4_request`,
    'X-Amz-Date': date,
    'X-Amz-Expires': '60',
    'X-Amz-SignedHeaders': 'host;x-k8s-aws-id',
    'X-Amz-Signature': 'a'.repeat(64),
  });
  return `k8s-aws-v1.${Buffer.from(`${origin}/?${query}`).toString('base64url')}`;
}

const caller = (arn: string): CallerIdentity => ({ account, arn, userId: 'AROAEXAMPLE:session' });
const role = (name: string, session: string): CallerIdentity =>
  caller(`arn:aws:sts::${account}:assumed-role/${name}/${session}`);

async function iam(whoIs: IamOptions['whoIs'], options: Partial<IamOptions> = {}) {
  const world = await createWorld();
  const logged: string[] = [];
  const { store, clock } = world;
  const authenticate = iamTokens({
    store,
    clock,
    log: (_level, event) => logged.push(event),
    origins: new Set([origin]),
    whoIs,
    admins: [`arn:aws:iam::${account}:role/Admin`, `arn:aws:iam::${account}:user/Root`],
    workerRole,
    ...options,
  });
  return { world, logged, authenticate: (token: string) => authenticate(token, ['audience']) };
}

const unauthorized = (why: RegExp) => (error: unknown) =>
  isStatus(error, 'Unauthorized') && error.message === 'Unauthorized' && why.test(String(error.cause));

test('admins of the stack are masters, by role or by user', async () => {
  for (const identity of [role('Admin', 'jane'), caller(`arn:aws:iam::${account}:user/Root`)]) {
    const { world, authenticate } = await iam(async () => identity);
    const found = await authenticate(tokenAt(world));
    assert.equal(found?.user.username, identity.arn);
    assert.deepEqual(found?.user.groups, ['system:masters']);
    assert.deepEqual(found?.audiences, ['audience']);
  }
});

test('a session of the workers is the node of its instance, and nothing else', async () => {
  const { world, authenticate } = await iam(async () => role('Workers', 'i-0123456789abcdef0'));
  const found = await authenticate(tokenAt(world));
  assert.equal(found?.user.username, 'system:node:i-0123456789abcdef0');
  assert.deepEqual(found?.user.groups, ['system:nodes']);
  for (const session of ['jane', 'i-xyz', 'i-0123456789abcdef0.x']) {
    const other = await iam(async () => role('Workers', session));
    await assert.rejects(other.authenticate(tokenAt(other.world)), unauthorized(/no instance/));
  }
});

test('a role of another account with the same name is nobody', async () => {
  for (const name of ['Admin', 'Workers']) {
    const arn = `arn:aws:sts::999999999999:assumed-role/${name}/i-0123456789abcdef0`;
    const { world, authenticate } = await iam(async () => ({ account: '999999999999', arn, userId: 'AROA:x' }));
    await assert.rejects(authenticate(tokenAt(world)), unauthorized(/not mapped/));
  }
});

test('everybody else is whom aws-auth says, as it stands now', async () => {
  const { world, logged, authenticate } = await iam(async () => role('Developers', 'jane'));
  const token = tokenAt(world);
  await assert.rejects(authenticate(token), unauthorized(/there is no config map kube-system\/aws-auth/));
  const mapRoles = `- rolearn: arn:aws:iam::${account}:role/Developers\n  username: dev:{{SessionName}}\n  groups: [devs]\n`;
  const awsAuth = (data: object) =>
    world.put('configmaps', {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { namespace: 'kube-system', name: 'aws-auth' },
      data,
    });
  await awsAuth({ mapRoles });
  const { user } = (await authenticate(token))!;
  assert.deepEqual([user.username, user.groups], ['dev:jane', ['devs']]);
  assert.equal(user.uid, `aws-iam-authenticator:${account}:AROAEXAMPLE`);
  assert.deepEqual(user.extra?.['sessionName'], ['jane']);
  await awsAuth({ mapRoles: '- rolearn: [' });
  await assert.rejects(authenticate(token), unauthorized(/is not mapped/));
  assert.ok(logged.includes('aws-auth-not-understood'));
  await awsAuth({ mapRoles: mapRoles.replace('SessionName', 'EC2PrivateDNSName') });
  await assert.rejects(authenticate(token), unauthorized(/EC2PrivateDNSName.*is not supported/));
});

test('STS is asked once for a token, and not again for one that has ended', async () => {
  let asked = 0;
  const { world, authenticate } = await iam(async () => {
    asked++;
    return role('Admin', 'jane');
  });
  const token = tokenAt(world);
  for (let i = 0; i < 3; i++) assert.ok(await authenticate(token));
  world.pass(14 * 60_000);
  assert.ok(await authenticate(token));
  assert.equal(asked, 1);
  world.pass(60_000);
  await assert.rejects(authenticate(token), unauthorized(/15 minutes ago/));
  assert.equal(asked, 1);
});

test('what is remembered is bounded', async () => {
  let asked = 0;
  const { world, authenticate } = await iam(async () => {
    asked++;
    return role('Admin', 'jane');
  });
  for (let i = 0; i <= 1_000; i++) await authenticate(tokenAt(world, `AKID${i}`));
  await authenticate(tokenAt(world, 'AKID1000'));
  assert.equal(asked, 1_001);
  await authenticate(tokenAt(world, 'AKID0'));
  assert.equal(asked, 1_002, 'the oldest was forgotten');
});

test('a signature that STS does not take is 401, an STS that is away is 503, and neither is remembered', async () => {
  let answer: () => Promise<CallerIdentity | undefined> = async () => undefined;
  const { world, authenticate } = await iam(() => answer());
  const token = tokenAt(world);
  await assert.rejects(authenticate(token), unauthorized(/does not take the signature/));
  answer = async () => {
    throw new StatusError('ServiceUnavailable', 'STS is away');
  };
  await assert.rejects(authenticate(token), (error) => isStatus(error, 'ServiceUnavailable'));
  answer = async () => role('Admin', 'jane');
  assert.ok(await authenticate(token));
});

test('a token that is none is refused without a call, one of another kind is left to others', async () => {
  const { authenticate, logged } = await iam(async () => assert.fail('STS was called'));
  await assert.rejects(authenticate('k8s-aws-v1.aHR0cDovL2V2aWwuZXhhbXBsZS8'), unauthorized(/no presigned URL/));
  assert.deepEqual(logged, ['iam-token-refused']);
  assert.equal(await authenticate('abcdef.0123456789abcdef'), undefined);
});
