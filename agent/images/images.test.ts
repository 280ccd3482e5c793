import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cri } from '../cri/client.ts';
import { RpcError } from '../cri/grpc.ts';
import type { AuthConfig, Image } from '../cri/messages.ts';
import { ObjectCache } from '../objects.ts';
import { StartError } from '../runtime.ts';
import { Images, type Login } from './images.ts';

const image = '111122223333.dkr.ecr.eu-central-1.amazonaws.com/shop/web:1';

interface Stand {
  /** Passwords that the registry takes; '' for anonymous. */
  good: string[];
  present: boolean;
  tokens: (string | Error)[];
}

/** A registry, a runtime and a source of node passwords, as the test says; `tried` are the passwords of the pulls. */
function stand({ good, present, tokens }: Stand) {
  const tried: (string | undefined)[] = [];
  let held = present;
  let dropped = 0;
  const cri = {
    imageStatus: async () => (held ? ({ id: 'sha256:1', size: '1' } as Image) : undefined),
    pullImage: async (_spec: unknown, auth: AuthConfig | undefined) => {
      tried.push(auth?.password);
      if (!good.includes(auth?.password ?? '')) {
        throw new RpcError('UNKNOWN', 'failed to resolve reference: unexpected status: 403 Forbidden');
      }
      held = true;
      return 'sha256:1';
    },
  } as unknown as Cri;
  const node = {
    get: async (): Promise<Login> => {
      const token = tokens[Math.min(dropped, tokens.length - 1)]!;
      if (token instanceof Error) throw token;
      return { username: 'AWS', password: token };
    },
    refused: () => void dropped++,
  };
  const sources = new ObjectCache();
  const auths = { '111122223333.dkr.ecr.eu-central-1.amazonaws.com': { username: 'u', password: 'secret' } };
  const data = { '.dockerconfigjson': Buffer.from(JSON.stringify({ auths })).toString('base64') };
  const secret = { metadata: { name: 's', namespace: 'ns', resourceVersion: '1' }, data };
  sources.apply({ full: true, node: {}, configMaps: [], secrets: [secret], missing: [] });
  const images = new Images(cri, sources, node);
  const ensure = (secrets: string[] = []) => {
    const pod = {
      metadata: { namespace: 'ns' },
      spec: { containers: [], imagePullSecrets: secrets.map((name) => ({ name })) },
    };
    const task = { uid: 'u', pod, podIPs: [], hostIPs: [], ending: new AbortController().signal, event: () => {} };
    return images.ensure(task, { name: 'c', image }, undefined);
  };
  return { tried, ensure };
}

test('an image of ECR is pulled with the token of the node', async () => {
  const { tried, ensure } = stand({ good: ['t1'], present: false, tokens: ['t1'] });
  await ensure();
  assert.deepEqual(tried, ['t1']);
});

test('an image pull secret wins; the token is tried when the registry refuses it', async () => {
  const wins = stand({ good: ['secret', 't1'], present: false, tokens: ['t1'] });
  await wins.ensure(['s']);
  assert.deepEqual(wins.tried, ['secret']);
  const refused = stand({ good: ['t1'], present: false, tokens: ['t1'] });
  await refused.ensure(['s']);
  assert.deepEqual(refused.tried, ['secret', 't1']);
});

test('a refused token is renewed once', async () => {
  const renewed = stand({ good: ['t2'], present: false, tokens: ['t1', 't2'] });
  await renewed.ensure();
  assert.deepEqual(renewed.tried, ['t1', 't2']);
  const hopeless = stand({ good: [], present: false, tokens: ['t1', 't2', 't3'] });
  await assert.rejects(hopeless.ensure(), /403 Forbidden/);
  assert.deepEqual(hopeless.tried, ['t1', 't2']);
});

test('without a token the pull fails with the reason, and what is on the node starts all the same', async () => {
  const reason = new Error('no token for the ECR registries of eu-central-1: connect ECONNREFUSED');
  const cut = stand({ good: [], present: false, tokens: [reason] });
  await assert.rejects(cut.ensure(), (error) => {
    assert.ok(error instanceof StartError);
    assert.equal(error.failure, 'ErrImagePull');
    assert.match(error.message, /no token for the ECR registries of eu-central-1: connect ECONNREFUSED/);
    return true;
  });
  assert.deepEqual(cut.tried, []);
  const cached = stand({ good: [], present: true, tokens: [reason] });
  assert.equal((await cached.ensure()).id, 'sha256:1');
});
