import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { load } from 'js-yaml';
import type { ControlPlaneReady } from './config.ts';
import { checkKubeconfig, defaultKubeconfig, removeContext, setContext } from './kubeconfig.ts';

let folder: string;
let ready: ControlPlaneReady;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'slipway-kubeconfig-'));
  for (const name of ['ca', 'cert', 'key']) writeFileSync(join(folder, name), name);
  const files = { ca: join(folder, 'ca'), adminCertificate: join(folder, 'cert'), adminKey: join(folder, 'key') };
  ready = { pid: 1, startedAtMs: 0, readyAfterMs: 0, server: 'https://127.0.0.1:6443', files };
});

afterEach(() => rmSync(folder, { recursive: true }));

const others = `apiVersion: v1
kind: Config
clusters: [{name: work, cluster: {server: 'https://work.example'}}]
users: [{name: me, user: {token: abc}}]
contexts: [{name: work, context: {cluster: work, user: me, namespace: team}}]
current-context: work
preferences: {colors: true}
`;

test('a file is made, for its owner only, and goes again with its only context', async () => {
  const file = join(folder, 'new/config');
  await setContext(file, 'slipway', ready);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const config = load(readFileSync(file, 'utf8')) as Record<string, unknown>;
  assert.equal(config['current-context'], 'slipway');
  assert.deepEqual(config['clusters'], [
    {
      name: 'slipway',
      cluster: { server: 'https://127.0.0.1:6443', 'certificate-authority-data': Buffer.from('ca').toString('base64') },
    },
  ]);
  await removeContext(file, 'slipway');
  assert.equal(existsSync(file), false);
});

test('what others wrote stays, and is the same again after the context is gone', async () => {
  const file = join(folder, 'config');
  writeFileSync(file, others);
  await setContext(file, 'slipway', ready);
  await setContext(file, 'slipway', { ...ready, server: 'https://127.0.0.1:7000' });
  const merged = load(readFileSync(file, 'utf8')) as { contexts: { name: string }[]; clusters: { name: string }[] };
  assert.deepEqual(
    merged.contexts.map((context) => context.name),
    ['work', 'slipway'],
  );
  assert.equal(merged.clusters.length, 2);
  await removeContext(file, 'slipway');
  assert.deepEqual(load(readFileSync(file, 'utf8')), load(others));
});

test('another context that the user chose meanwhile stays chosen', async () => {
  const file = join(folder, 'config');
  writeFileSync(file, others);
  await setContext(file, 'slipway', ready);
  writeFileSync(file, readFileSync(file, 'utf8').replace('current-context: slipway', 'current-context: work'));
  await removeContext(file, 'slipway');
  assert.equal((load(readFileSync(file, 'utf8')) as Record<string, unknown>)['current-context'], 'work');
});

test('a file that cannot be read is left as it is, and named', async () => {
  const file = join(folder, 'config');
  writeFileSync(file, 'a: [b');
  await assert.rejects(setContext(file, 'slipway', ready), /config is no valid YAML/);
  assert.equal(readFileSync(file, 'utf8'), 'a: [b');
  assert.equal(existsSync(`${file}.lock`), false);
});

test('a symbolic link stays one', async () => {
  const file = join(folder, 'real');
  writeFileSync(file, others);
  symlinkSync(file, join(folder, 'link'));
  await setContext(join(folder, 'link'), 'slipway', ready);
  assert.match(readFileSync(file, 'utf8'), /name: slipway/);
});

test('kubectl writes to the first file that KUBECONFIG names', () => {
  assert.equal(defaultKubeconfig({ KUBECONFIG: ':/a:/b' }), '/a');
  assert.match(defaultKubeconfig({}), /\.kube\/config$/);
});

test('a file that cannot take a context is refused before anything is begun', () => {
  writeFileSync(join(folder, 'list'), '[1]');
  const mend = { name: 'Failure', hint: 'name another: --kubeconfig FILE' };
  for (const file of ['', 'ca/config', 'list']) assert.throws(() => checkKubeconfig(join(folder, file)), mend);
  checkKubeconfig(join(folder, 'none/config'));
});
