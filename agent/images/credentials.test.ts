import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ObjectCache } from '../objects.ts';
import { credentialsFor } from './credentials.ts';

const secret = (name: string, auths: object) => ({
  metadata: { name, namespace: 'ns', resourceVersion: '1' },
  data: { '.dockerconfigjson': Buffer.from(JSON.stringify({ auths })).toString('base64') },
});

test('credentials are found by host and path, the most specific first; other registries get none', () => {
  const sources = new ObjectCache();
  const auth = Buffer.from('me:pass:word').toString('base64');
  const secrets = [
    secret('a', { 'registry.example.com': { username: 'all', password: '1' }, 'registry.example.com/team': { auth } }),
    secret('b', {
      'https://index.docker.io/v1/': { username: 'hub', password: '2' },
      '*.corp.io': { username: 'corp', password: '3' },
    }),
    { ...secret('broken', {}), data: { '.dockerconfigjson': 'bm8ganNvbg==' } },
  ];
  sources.apply({ full: true, node: {}, configMaps: [], secrets, missing: [] });
  const pod = {
    metadata: { namespace: 'ns' },
    spec: { containers: [], imagePullSecrets: [{ name: 'broken' }, { name: 'a' }, { name: 'b' }, { name: 'gone' }] },
  };
  const users = (image: string) => credentialsFor(pod, image, sources).map((c) => [c.username, c.password]);
  assert.deepEqual(users('registry.example.com/team/app:1'), [
    ['me', 'pass:word'],
    ['all', '1'],
  ]);
  assert.deepEqual(users('registry.example.com/other@sha256:00'), [['all', '1']]);
  assert.deepEqual(users('nginx'), [['hub', '2']]);
  assert.deepEqual(users('eu.corp.io/x'), [['corp', '3']]);
  assert.deepEqual(users('evil.eu.corp.io/x'), []);
  assert.deepEqual(users('localhost:5000/x'), []);
});
