import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ServedDeps, serverPort } from './served.ts';

function served(pretends: boolean) {
  const worker = {
    uid: 'u',
    pod: { metadata: { name: 'web', namespace: 'shop', uid: 'u' }, spec: { containers: [] } },
    memory: { status: { podIP: '10.201.0.7' } },
  };
  const deps = {
    config: { podLogDir: '/logs' },
    agent: { find: () => worker },
    runtime: { pretends, observed: () => ({ sandboxes: [], containers: [] }) },
  };
  return serverPort(deps as unknown as ServedDeps).pod('shop', 'web');
}

test('a pod of a real node is reached at its address, one that is only pretended nowhere', () => {
  assert.equal(served(false)?.podIP, '10.201.0.7');
  assert.equal(served(true)?.podIP, undefined);
});
