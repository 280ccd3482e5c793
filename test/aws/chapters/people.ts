// Who may in: those whom the guide's config map lets in, and nobody else.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../../e2e/cluster.ts';
import { ask, tokenFor } from '../ask.ts';
import { roleOf, type Tale } from '../tale.ts';

const pods = '/api/v1/namespaces/default/pods';

export function ofPeople(tale: Tale): void {
  test('developers are let in, and given their rights', async () => {
    const developer = async (path: string): Promise<number> =>
      (await ask(tale.cluster, path, await tokenFor(tale.cluster, { role: roleOf('Developers') }))).status;
    assert.equal(await developer(pods), 401);
    await tale.person.follow('kubectl apply');
    await eventually('the role is known', async () => (await developer(pods)) === 403);
    await tale.person.follow('kubectl create clusterrolebinding');
    await eventually('the group may', async () => (await developer(pods)) === 200);
    assert.equal(await developer('/api/v1/nodes'), 403);
  });

  test('identities that are too old, for another cluster, or for another action are refused', async () => {
    const { cluster } = tale;
    const statusOf = async (token: string): Promise<number> => (await ask(cluster, '/api/v1/namespaces', token)).status;
    assert.equal(await statusOf(await tokenFor(cluster)), 200);
    assert.equal(await statusOf(await tokenFor(cluster, { nowMs: Date.now() - 3_600_000 })), 401);
    assert.equal(await statusOf(await tokenFor(cluster, { cluster: 'other' })), 401);
    const prefix = 'k8s-aws-v1.';
    const url = Buffer.from((await tokenFor(cluster)).slice(prefix.length), 'base64url').toString();
    const other = url.replace('Action=GetCallerIdentity', 'Action=GetSessionToken');
    assert.notEqual(other, url);
    assert.equal(await statusOf(prefix + Buffer.from(other).toString('base64url')), 401);
    assert.equal(await statusOf('nonsense'), 401);
  });
}
