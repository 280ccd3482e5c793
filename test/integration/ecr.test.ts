// Images on their way: pushed by the command to a stand-in for ECR, pulled from it by a node with the token of its role.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pauseImage, pauseProgram } from '../../agent/images/pause.ts';
import { preparedImages } from '../../local/images/prepared.ts';
import type { RunResult } from '../../local/run.ts';
import { TestPlace } from '../e2e/cluster.ts';
import { type RegistryStandIn, startRegistry } from '../registry.ts';
import { type Lab, startLab } from './node-lab.ts';

const host = '111122223333.dkr.ecr.eu-central-1.amazonaws.com';
const repository = 'slipway/shop/still';

let registry: RegistryStandIn;
let place: TestPlace;
let lab: Lab;

/** A place without a cluster, whose AWS is the stand-in. */
const slipway = (...args: string[]): Promise<RunResult> => place.slipway(...args);

before(async () => {
  registry = await startRegistry();
  place = new TestPlace();
  const aws = {
    AWS_ENDPOINT_URL: registry.url,
    AWS_REGION: 'eu-central-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_MAX_ATTEMPTS: '1',
  };
  Object.assign(place.env, aws);
  Object.assign(process.env, aws); // the agent of the lab runs in this process
  const identity = { kind: 'iam', cluster: 'shop', region: 'eu-central-1' } as const;
  lab = await startLab(await preparedImages(() => undefined), pauseImage, { identity });
  const hosts = join(lab.dir, 'registries', host);
  mkdirSync(hosts, { recursive: true });
  writeFileSync(
    join(hosts, 'hosts.toml'),
    `server = "https://${host}"\n[host."${registry.url}"]\ncapabilities = ["pull", "resolve"]\n`,
  );
});
after(async () => {
  await lab?.close();
  await place?.remove();
  await registry?.close();
});

test('an image is built without a cluster, tagged, and pushed into a repository that is made for it', async () => {
  const folder = join(place.home, 'still');
  mkdirSync(folder);
  writeFileSync(join(folder, 'still'), pauseProgram(), { mode: 0o755 });
  writeFileSync(join(folder, 'Dockerfile'), 'FROM scratch\nCOPY still /still\nENTRYPOINT ["/still"]\n');
  const built = await slipway('image', 'build', folder, '-t', 'still:1');
  assert.equal(built.code, 0, built.stderr);
  assert.match(built.stdout, /no cluster is here to load it into/);
  assert.equal((await slipway('image', 'tag', 'still:1', 'still:2')).code, 0);
  const pushed = await slipway('image', 'push', 'still:1', 'still:2', '--stack', 'shop');
  assert.equal(pushed.code, 0, pushed.stderr);
  assert.match(pushed.stdout, new RegExp(`made the repository ${repository}\n`));
  assert.deepEqual([...registry.tags.keys()], [`${repository}:1`, `${repository}:2`]);
  assert.equal(registry.calls.filter((call) => call === 'CreateRepository').length, 1);
  assert.ok(registry.calls.includes('PutLifecyclePolicy'));
});

test('what cannot be pushed is said in a line', async () => {
  const says = async (pattern: RegExp, ...args: string[]): Promise<void> => {
    const { code, stderr } = await slipway('image', 'push', ...args);
    assert.notEqual(code, 0);
    assert.match(stderr, pattern);
    assert.equal(stderr.includes('    at '), false, stderr);
  };
  await says(/there is no image docker\.io\/library\/nothing:latest on this machine/, 'nothing', '--stack', 'shop');
  await says(/still:1 names no registry/, 'still:1');
  await says(/exclude each other/, 'still:1', '--stack', 'shop', '--registry', 'x');
  await says(/buildah failed/, 'still:1', '--registry', registry.host);
  registry.failing = 'AccessDeniedException';
  await says(/ECR: AccessDeniedException\n {2}hint: it needs a region/, 'still:1', '--stack', 'shop');
  registry.failing = undefined;
});

const pod = (name: string, policy: 'Always' | 'IfNotPresent', tag = '1') => ({
  metadata: { name },
  spec: { containers: [{ name: 'c', image: `${host}/${repository}:${tag}`, imagePullPolicy: policy }] },
});
const waiting = (status: { containerStatuses?: { state?: { waiting?: { reason?: string; message?: string } } }[] }) =>
  status.containerStatuses?.[0]?.state?.waiting;

test('a node pulls it with the token of its role, and reports the digest that the tag led to', async () => {
  lab.control.apply(pod('first', 'Always') as never);
  const status = await lab.until('first', (seen) => seen.phase === 'Running');
  const digest = registry.tags.get(`${repository}:1`);
  assert.equal(status.containerStatuses?.[0]?.imageID, `${host}/${repository}@${digest}`);
});

test('a token that ran out before its time is replaced', async () => {
  registry.tokens.clear();
  lab.control.apply(pod('second', 'Always') as never);
  await lab.until('second', (seen) => seen.phase === 'Running');
});

test('while ECR is down, an image on the node starts, and another one says why it does not', async () => {
  registry.failing = 'ServerException';
  registry.tokens.clear();
  lab.control.apply(pod('cached', 'IfNotPresent') as never);
  lab.control.apply(pod('absent', 'IfNotPresent', '2') as never);
  await lab.until('cached', (seen) => seen.phase === 'Running');
  const failed = await lab.until('absent', (seen) => waiting(seen)?.message?.includes('no token for the ECR'));
  assert.match(String(waiting(failed)?.reason), /^(ErrImagePull|ImagePullBackOff)$/);
  registry.failing = undefined;
});

test('the repositories of a stack are listed, tagged and cleared as local images are', async () => {
  const listed = async (): Promise<string[]> => {
    const { code, stdout, stderr } = await slipway('image', 'list', '--stack', 'shop', '--json');
    assert.equal(code, 0, stderr);
    return (JSON.parse(stdout) as { image: string; digest: string }[]).map(({ image, digest }) => `${image} ${digest}`);
  };
  const name = `${registry.host}/${repository}`;
  const digest = registry.tags.get(`${repository}:1`);
  registry.repositories.add('slipway/other/web');
  assert.deepEqual(await listed(), [`${name}:1 ${digest}`, `${name}:2 ${digest}`]);
  const table = await slipway('image', 'list', '--stack', 'shop');
  assert.match(table.stdout, /^\S+:1 {2}sha256:[0-9a-f]{12} {2}2\.0 KiB$/m);
  const tagged = await slipway('image', 'tag', 'still:1', 'still:stable', '--stack', 'shop');
  assert.equal(tagged.stdout, `${repository}:stable is ${repository}:1\n`);
  const removed = await slipway('image', 'rm', 'still:1', `${host}/${repository}:2`, '--stack', 'shop');
  assert.equal(removed.stdout, `removed ${repository}:1\nremoved ${repository}:2\n`);
  assert.deepEqual(await listed(), [`${name}:stable ${digest}`]);
});

test('what a command cannot do on AWS is said in a line', async () => {
  const says = async (pattern: RegExp, exitCode: number, ...args: string[]): Promise<void> => {
    const { code, stderr } = await slipway('image', ...args, '--stack', 'shop');
    assert.equal(code, exitCode, stderr);
    assert.match(stderr, pattern);
  };
  await says(/no repository of shop holds an image "still:9"/, 1, 'rm', 'still:9');
  await says(/no repository of shop holds an image "still:9"/, 1, 'tag', 'still:9', 'still:10');
  await says(/no repository of shop holds an image "nothing:1"/, 1, 'rm', 'nothing:1');
  await says(/are two repositories/, 1, 'tag', 'still:stable', 'other:1');
  await says(/has no tag/, 2, 'rm', `still@sha256:${'0'.repeat(64)}`);
  await says(/workers pull by themselves/, 2, 'pull', 'still:1');
});
