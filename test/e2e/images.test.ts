// The life of an image: loaded, built, pushed to the cluster's registry, pulled, tagged, listed, removed; with a registry that is
// down, and with one that wants a password.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ociArchive } from '../../agent/images/oci-archive.ts';
import { pauseProgram } from '../../agent/images/pause.ts';
import { removeBuilt } from '../../local/images/build.ts';
import { fullReference, type HeldImage } from '../../local/images/images.ts';
import { eventually, pageAt, startCluster, type TestPlace } from './cluster.ts';
import { startPrivateRegistry } from './private-registry.ts';

const registry = 'registry.slipway.internal';
const patientMs = 120_000;

let cluster: TestPlace;
before(async () => {
  cluster = await startCluster({ nodes: 2, flags: ['--registry'] });
});
after(() => cluster.remove());

/** Output of a command that must succeed. */
async function slipway(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await cluster.slipway(...args);
  assert.equal(code, 0, `slipway ${args.join(' ')}: ${stderr}`);
  return stdout;
}

const held = async (image: string): Promise<HeldImage[]> =>
  (JSON.parse(await slipway('image', 'list', '--json')) as HeldImage[]).filter((entry) => entry.image === image);

const both = (): string[] => [cluster.node(1), cluster.node(2)];

/** An image that serves a page with this word; only built, for no node to have it. */
async function build(tag: string, word: string): Promise<void> {
  const folder = join(cluster.home, 'app');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'Dockerfile'), 'FROM slipway/sample:1\nARG word\nRUN echo "$word" > /www/index.html\n');
  await slipway('image', 'build', folder, '-t', tag, '--build-arg', `word=${word}`, '--no-load');
}

async function buildAndPush(tag: string, word: string): Promise<void> {
  await build(tag, word);
  assert.match(await slipway('image', 'push', tag), new RegExp(`^pushed ${registry}/${tag}$`, 'm'));
}

interface PodWish {
  node?: number;
  policy?: 'Always' | 'IfNotPresent';
  secret?: string;
}

const runPod = (name: string, image: string, { node = 1, policy = 'IfNotPresent', secret }: PodWish = {}) =>
  cluster.apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      nodeName: cluster.node(node),
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'web', image, imagePullPolicy: policy }],
      ...(secret ? { imagePullSecrets: [{ name: secret }] } : {}),
    },
  });

const ready = (...pods: string[]) =>
  cluster.kubectlOk('wait', '--for=condition=Ready', ...pods.map((pod) => `pod/${pod}`), '--timeout=120s');

const ofPod = (pod: string, path: string) => cluster.kubectlOk('get', 'pod', pod, '-o', `jsonpath={.status.${path}}`);

const page = async (pod: string): Promise<string> => (await pageAt(await ofPod(pod, 'podIP'))).trim();

/** The reason and its message are of one look: a pod that is tried again has others for a moment. */
const waitsWith = (pod: string, reason: string, message: RegExp) =>
  eventually(
    `${pod} says ${reason}, ${message}`,
    async () => {
      const waiting = await ofPod(pod, 'containerStatuses[0].state.waiting');
      return waiting.includes(`"${reason}"`) && message.test(waiting);
    },
    patientMs,
  );

test('an archive is loaded into every node, runs, is listed and removed', async () => {
  const archive = join(cluster.home, 'still.tar');
  const files = [{ path: 'still', type: 'file', mode: 0o755, data: pauseProgram() }] as const;
  writeFileSync(archive, ociArchive({ reference: 'localhost/still:1', files, config: { Entrypoint: ['/still'] } }));
  await slipway('image', 'load', archive);
  assert.deepEqual(
    (await held('localhost/still:1')).map((entry) => entry.nodes),
    [both()],
  );
  await cluster.kubectlOk('run', 'still', '--image=localhost/still:1', '--image-pull-policy=Never');
  await ready('still');
  await cluster.kubectlOk('delete', 'pod', 'still', '--now');
  await slipway('image', 'rm', 'localhost/still:1');
  assert.deepEqual(await held('localhost/still:1'), []);
  assert.match((await cluster.slipway('image', 'rm', 'localhost/still:1')).stderr, /no node holds an image/);
});

test('a file that is no image is refused with its name', async () => {
  const file = join(cluster.home, 'no-image.tar');
  writeFileSync(file, 'nothing of the kind');
  const { code, stderr } = await cluster.slipway('image', 'load', file);
  assert.equal(code, 1);
  assert.match(stderr, /no-image\.tar/);
});

test('a Dockerfile is built into every node and runs', async () => {
  await build('built:1', 'ahoy');
  await slipway('image', 'build', join(cluster.home, 'app'), '-t', 'built:1', '--build-arg', 'word=ahoy');
  await cluster.kubectlOk('run', 'built', '--image=built:1');
  await ready('built');
  assert.equal(await page('built'), 'ahoy');
});

test('the registry is a part of the cluster: status tells its name and address, and it has a log', async () => {
  const status = JSON.parse(await slipway('status', '--json')) as {
    registry: { name: string; address: string };
    parts: { part: string; health: string }[];
  };
  assert.equal(status.registry.name, registry);
  assert.equal((await fetch(`http://${status.registry.address}/v2/`)).status, 200);
  assert.equal(status.parts.find(({ part }) => part === 'registry')?.health, 'ok');
  assert.match(await slipway('logs', 'registry'), /listening on/);
});

test('what is pushed is pulled by every node, and pods report its digest', async () => {
  await buildAndPush('shop/web:1', 'first');
  const [pushed, ...others] = await held(`${registry}/shop/web:1`);
  assert.deepEqual([pushed?.nodes, pushed?.registry, others], [[], true, []]);
  await runPod('web-1', `${registry}/shop/web:1`, { node: 1 });
  await runPod('web-2', `${registry}/shop/web:1`, { node: 2 });
  await ready('web-1', 'web-2');
  for (const pod of ['web-1', 'web-2']) {
    assert.equal(await page(pod), 'first');
    assert.equal(await ofPod(pod, 'containerStatuses[0].imageID'), `${registry}/shop/web@${pushed?.digest}`);
  }
  assert.deepEqual((await held(`${registry}/shop/web:1`))[0]?.nodes, both());
});

test('a build starts from an image that only the registry holds', async () => {
  await buildAndPush('shop/base:1', 'base');
  for (const name of ['shop/base:1', `${registry}/shop/base:1`])
    assert.equal(await removeBuilt(cluster.paths, fullReference(name)), true);
  const folder = join(cluster.home, 'on-base');
  mkdirSync(folder);
  writeFileSync(join(folder, 'Dockerfile'), `FROM ${registry}/shop/base:1\nRUN echo above >> /www/index.html\n`);
  await slipway('image', 'build', folder, '-t', 'above:1');
  await cluster.kubectlOk('run', 'above', '--image=above:1');
  await ready('above');
  assert.equal(await page('above'), 'base\nabove');
});

test('policy Always asks the registry what the tag means now', async () => {
  const before = (await held(`${registry}/shop/web:1`))[0]!;
  await buildAndPush('shop/web:1', 'second');
  const now = (await held(`${registry}/shop/web:1`)).find((entry) => entry.registry)!;
  assert.notEqual(now.digest, before.digest);
  await runPod('stays', `${registry}/shop/web:1`);
  await ready('stays');
  assert.equal(await page('stays'), 'first');
  await runPod('asks', `${registry}/shop/web:1`, { policy: 'Always' });
  await ready('asks');
  assert.equal(await page('asks'), 'second');
  assert.equal(await ofPod('asks', 'containerStatuses[0].imageID'), `${registry}/shop/web@${now.digest}`);
});

test('images are pulled into the nodes, get further names, and go from everywhere', async () => {
  const name = `${registry}/shop/web:1`;
  await slipway('image', 'pull', name);
  assert.deepEqual(
    (await held(name)).map(({ nodes, registry: there }) => ({ nodes, there })),
    [{ nodes: both(), there: true }],
  );
  await slipway('image', 'tag', name, `${registry}/shop/web:stable`);
  await slipway('image', 'push', `${registry}/shop/web:stable`);
  assert.equal((await held(`${registry}/shop/web:stable`))[0]?.digest, (await held(name))[0]?.digest);
  await slipway('image', 'rm', `${registry}/shop/web:stable`);
  assert.deepEqual(await held(`${registry}/shop/web:stable`), []);
  assert.equal((await held(name))[0]?.registry, true, 'another tag of the same image stays');
  const gone = await cluster.slipway('image', 'pull', `${registry}/shop/web:stable`);
  assert.equal(gone.code, 1);
  assert.match(gone.stderr, /could not pull .*shop\/web:stable.*not found\n {2}hint: slipway image list/);
  const short = await cluster.slipway('image', 'pull', 'shop/web:1');
  assert.match(short.stderr, /hint: of the cluster's registry it would be registry\.slipway\.internal\/shop\/web:1/);
});

test('while the registry is down, what is on a node starts; what is not waits, and runs once the registry is back', async () => {
  await buildAndPush('shop/late:1', 'late');
  process.kill(cluster.part('registry').pid, 'SIGKILL');
  await eventually('status sees it', async () => {
    const { code, stdout } = await cluster.slipway('status');
    return code === 3 && /^registry .*has died$/m.test(stdout);
  });
  const push = await cluster.slipway('image', 'push', 'shop/late:1');
  assert.equal(push.code, 1);
  assert.match(
    push.stderr,
    /^slipway: the registry at \S+ does not answer\n {2}hint: slipway up --name \S+ starts what is down/,
  );
  const list = await cluster.slipway('image', 'list');
  assert.deepEqual([list.code, list.stderr.split(':')[0]], [0, 'slipway']);
  assert.match(list.stdout, /slipway\/sample:1/);
  await runPod('cached', `${registry}/shop/web:1`);
  await runPod('late', `${registry}/shop/late:1`);
  await ready('cached');
  await waitsWith('late', 'ImagePullBackOff', /connection refused/);
  const events = await cluster.kubectlOk('events', '--for', 'pod/late', '--no-headers');
  assert.match(events, /Failed .*Error: ErrImagePull/);
  await slipway('up');
  // The longer it was in vain, the longer it waits for its next try: up to five minutes.
  await cluster.kubectlOk('wait', '--for=condition=Ready', 'pod/late', '--timeout=400s');
  assert.equal(await page('late'), 'late');
});

test('a registry that wants a password is pulled from by pull secrets, of the pod or of its service account', async () => {
  const password = await startPrivateRegistry(cluster);
  try {
    await build('vault:1', 'hidden');
    await password.push('docker.io/library/vault:1', 'vault:1');
    const image = `${password.host}/vault:1`;
    const login = ['--docker-server', password.host, '--docker-username', password.user];
    await runPod('stranger', image);
    await waitsWith('stranger', 'ImagePullBackOff', /401 Unauthorized/);
    await cluster.kubectlOk('create', 'secret', 'docker-registry', 'wrong', ...login, '--docker-password', 'guess');
    await runPod('guesser', image, { secret: 'wrong' });
    await waitsWith('guesser', 'ImagePullBackOff', /401 Unauthorized/);
    const right = [...login, '--docker-password', password.password];
    await cluster.kubectlOk('create', 'secret', 'docker-registry', 'right', ...right);
    await runPod('friend', image, { secret: 'right' });
    await ready('friend');
    assert.equal(await page('friend'), 'hidden');
    await cluster.kubectlOk('patch', 'serviceaccount', 'default', '-p', '{"imagePullSecrets":[{"name":"right"}]}');
    await runPod('household', image, { node: 2 });
    await ready('household');
    assert.equal(await page('household'), 'hidden');
  } finally {
    await password.close();
  }
});

test('the registry comes back with the next start and what it holds, and goes when it is not wanted', async () => {
  await slipway('image', 'rm', `${registry}/shop/late:1`);
  await slipway('down', '--grace', '0');
  await slipway('up');
  assert.equal(
    (await held(`${registry}/shop/web:1`)).some((entry) => entry.registry),
    true,
  );
  assert.deepEqual(await held(`${registry}/shop/late:1`), []);
  await slipway('image', 'pull', `${registry}/shop/web:1`);
  await slipway('up', '--no-registry');
  assert.equal((await slipway('status')).includes('registry'), false);
  const { code, stderr } = await cluster.slipway('image', 'push', `${registry}/shop/web:1`);
  assert.equal(code, 1);
  assert.match(stderr, /has no registry\n {2}hint: npm start -- --registry --name/);
});
