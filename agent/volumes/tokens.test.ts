import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Client } from '../../core/client/client.ts';
import { TokenCache } from './tokens.ts';

test('a token is asked for once, renewed at 80% of its life, and kept while nobody answers', async () => {
  let now = 0;
  let asked = 0;
  let away = false;
  const create = async (
    _of: unknown,
    request: { spec: { boundObjectRef: { name: string } } },
    options: { name: string },
  ) => {
    if (away) throw new Error('away');
    asked++;
    const token = `${options.name}/${request.spec.boundObjectRef.name}/${asked}`;
    return { status: { token, expirationTimestamp: new Date(now + 1000_000).toISOString() } };
  };
  const cache = new TokenCache({ create } as unknown as Client, () => now);
  const pod = {
    metadata: { name: 'p', namespace: 'ns', uid: 'u' },
    spec: { containers: [], serviceAccountName: 'robot' },
  };
  const get = () => cache.get(pod, { path: 'token' });
  assert.deepEqual(await Promise.all([get(), get()]), ['robot/p/1', 'robot/p/1']);
  now = 799_000;
  assert.equal(await get(), 'robot/p/1');
  now = 801_000;
  assert.equal(await get(), 'robot/p/2');
  away = true;
  now += 900_000;
  assert.equal(await get(), 'robot/p/2');
  now += 200_000;
  await assert.rejects(get(), /away/);
});
