import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StatusError } from '../../api/errors.ts';
import type { Authorizer, User } from '../server.ts';
import { impersonate } from './impersonate.ts';

const caller: User = { username: 'jane', groups: ['system:authenticated'] };
const request = (headers: Record<string, string>): Request => new Request('https://api.test/', { headers });

/** Allows what is listed: `users/bob`, `groups/devs`, `userextras/scopes/view`. */
const allowing =
  (...allowed: string[]): Authorizer =>
  async ({ verb, plural, subresource, name }) => ({
    allowed: verb === 'impersonate' && allowed.includes([plural, subresource, name].filter(Boolean).join('/')),
    reason: '',
  });

async function refusal(attempt: Promise<User>): Promise<string> {
  const error = await attempt.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof StatusError);
  return error.message;
}

test('without headers the caller stays who it is', async () => {
  assert.equal(await impersonate(request({}), caller, allowing()), caller);
});

test('every part of the identity needs its own permission', async () => {
  const headers = {
    'impersonate-user': 'bob',
    'impersonate-group': 'devs',
    'impersonate-uid': '42',
    'impersonate-extra-scopes': 'view',
  };
  const all = ['users/bob', 'groups/devs', 'uids/42', 'userextras/scopes/view'];
  assert.deepEqual(await impersonate(request(headers), caller, allowing(...all)), {
    username: 'bob',
    uid: '42',
    groups: ['devs', 'system:authenticated'],
    extra: { scopes: ['view'] },
  });
  for (const missing of all) {
    const rest = all.filter((part) => part !== missing);
    assert.match(
      await refusal(impersonate(request(headers), caller, allowing(...rest))),
      /cannot impersonate resource/,
    );
  }
  assert.equal(
    await refusal(impersonate(request({ 'impersonate-user': 'bob' }), caller, allowing())),
    'users "bob" is forbidden: User "jane" cannot impersonate resource "users" in API group "" at the cluster scope',
  );
});

test('several groups arrive in one header and are asked about one by one', async () => {
  const headers = new Headers({ 'impersonate-user': 'bob' });
  headers.append('impersonate-group', 'devs');
  headers.append('impersonate-group', 'system:masters');
  const asked = new Request('https://api.test/', { headers });
  assert.match(
    await refusal(impersonate(asked, caller, allowing('users/bob', 'groups/devs'))),
    /^groups "system:masters" is forbidden/,
  );
});

test('a service account is asked about as the object that it is, and brings its groups', async () => {
  const headers = { 'impersonate-user': 'system:serviceaccount:shop:robot' };
  const user = await impersonate(request(headers), caller, allowing('serviceaccounts/robot'));
  assert.deepEqual(user.groups, ['system:serviceaccounts', 'system:serviceaccounts:shop', 'system:authenticated']);
});

test('the anonymous user stays unauthenticated', async () => {
  const user = await impersonate(
    request({ 'impersonate-user': 'system:anonymous' }),
    caller,
    allowing('users/system:anonymous'),
  );
  assert.deepEqual(user.groups, ['system:unauthenticated']);
});
