import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseYaml } from '../../api/strict-yaml.ts';
import { comparableArn, principalOf } from './iam-identity.ts';
import { type IamMapping, mappedUser, readMapping } from './iam-mapping.ts';

const load = (text: string): unknown => parseYaml(text).value;
const principal = (arn: string) => principalOf(arn)!;
const session = principal('arn:aws:sts::111122223333:assumed-role/Developers/jane@example.com');
const user = principal('arn:aws:iam::111122223333:user/team/Ann');

test('a session stands for its role, everybody else for itself', () => {
  assert.deepEqual(session, {
    account: '111122223333',
    arn: 'arn:aws:iam::111122223333:role/Developers',
    session: 'jane@example.com',
  });
  for (const arn of [
    'arn:aws:iam::111122223333:user/team/Ann',
    'arn:aws:iam::111122223333:root',
    'arn:aws-cn:sts::111122223333:federated-user/Bob',
  ]) {
    assert.deepEqual(principalOf(arn), { account: '111122223333', arn, session: undefined });
  }
});

test('an ARN that nobody calls with is no one', () => {
  for (const arn of [
    '',
    'arn:aws:iam::111122223333:role/Developers',
    'arn:aws:sts::111122223333:assumed-role/Developers',
    'arn:aws:sts::111122223333:assumed-role/a/b/c',
    'arn:aws:sts::111122223333:assumed-role/Developers/a:b',
    'arn:aws:iam::1:user/x',
    'arn:aws:iam::111122223333:user/',
    'arn:aws:s3:::bucket',
    'arn:aws:iam::111122223333:root/x',
  ]) {
    assert.equal(principalOf(arn), undefined, arn);
  }
});

test('ARNs are compared without a path of the role and without regard to case', () => {
  const plain = comparableArn('arn:aws:iam::111122223333:role/Developers');
  assert.equal(comparableArn(' arn:aws:iam::111122223333:role/aws-reserved/sso/DEVELOPERS '), plain);
  assert.notEqual(comparableArn('arn:aws:iam::111122223334:role/Developers'), plain);
  assert.notEqual(comparableArn('arn:aws:iam::111122223333:user/Developers'), plain);
});

const mapping = readMapping(
  {
    mapRoles: `
- rolearn: arn:aws:iam::111122223333:role/team/Developers
  username: dev:{{SessionName}}
  groups:
    - developers
    - account-{{AccountID}}
- rolearn: arn:aws:iam::111122223333:role/Nodes
  username: system:node:{{EC2PrivateDNSName}}
  groups: [system:nodes]
`,
    mapUsers: `
- userarn: arn:aws:iam::111122223333:user/team/Ann
  username: ann
  groups: [viewers]
- userarn: arn:aws:iam::111122223333:user/Plain
`,
    mapAccounts: '["444455556666"]',
  },
  load,
);

test('roles, users and accounts are mapped, templates filled in', () => {
  assert.deepEqual(mapping.problems, []);
  assert.deepEqual(mappedUser(mapping, session), {
    username: 'dev:jane-example.com',
    groups: ['developers', 'account-111122223333'],
  });
  assert.deepEqual(mappedUser(mapping, user), { username: 'ann', groups: ['viewers'] });
  const plain = principal('arn:aws:iam::111122223333:user/Plain');
  assert.deepEqual(mappedUser(mapping, plain), { username: plain.arn, groups: [] });
  const other = principal('arn:aws:sts::444455556666:assumed-role/Any/one');
  assert.deepEqual(mappedUser(mapping, other), { username: 'arn:aws:iam::444455556666:role/Any', groups: [] });
  assert.equal(mappedUser(mapping, principal('arn:aws:iam::999999999999:user/x')), undefined);
});

test('a template that has no value here is said by name', () => {
  const node = principal('arn:aws:sts::111122223333:assumed-role/Nodes/i-0123456789abcdef0');
  assert.throws(() => mappedUser(mapping, node), /EC2PrivateDNSName.*is not supported/);
  const own = (username: string): IamMapping =>
    readMapping({ mapUsers: JSON.stringify([{ userarn: user.arn, username }]) }, load);
  assert.throws(() => mappedUser(own('{{SessionName}}'), user), /cannot be filled in for a user/);
  assert.throws(() => mappedUser(own('{{Whatever}}'), user), /\{\{Whatever\}\} cannot be filled in/);
});

test('what is not understood is told, and the rest counts', () => {
  const read = readMapping(
    {
      mapRoles: 'a: [b',
      mapUsers: `
- userarn: ${user.arn}
  groups: viewers
- username: nobody
- 7
- userarn: ${user.arn}
  username: ann
`,
      mapAccounts: 'x: y',
    },
    load,
  );
  assert.equal(read.problems.length, 5);
  assert.match(
    read.problems.join('\n'),
    /mapRoles: .*\nmapUsers\[0\]: groups is not.*\nmapUsers\[1\]: userarn is missing/,
  );
  assert.deepEqual(mappedUser(read, user), { username: 'ann', groups: [] });
});
