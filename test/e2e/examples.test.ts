// The examples, by the commands of their READMEs, word for word and in order, on one cluster of three nodes.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Node, Pod } from '../../core/api/types.gen.ts';
import { resources } from '../../core/client/resources.ts';
import { commandsOf } from '../aws/guide.ts';
import { Person } from '../aws/person.ts';
import type { Substitution } from '../aws/substitutions.ts';
import { eventually, freePort, TestPlace } from './cluster.ts';

const limit = { timeout: 1_200_000 };
const place = new TestPlace();
const port = await freePort();
const forwarded = await freePort();
/** What stands in the READMEs for a reader's own: this cluster is not alone on the machine. */
const substitutions: Substitution[] = [{ from: '8080:80', to: `${forwarded}:80` }];

function reader(readme: string, leavesRunning: boolean): Person {
  return new Person({
    commands: commandsOf(readme),
    substitutions,
    environment: async () => place.env,
    wrap: (argv) => {
      const ofSlipway = argv[0] === 'npm' || argv[1]?.endsWith('/cli/slipway.js');
      const own = ofSlipway ? ['--name', place.name] : [];
      return [...argv, ...own, ...(argv[1] === 'start' ? ['--port', String(port)] : [])];
    },
    unable: (text) => (leavesRunning && text.startsWith('npm stop') ? 'another example follows here' : undefined),
  });
}

const pods = async (app: string): Promise<Pod[]> =>
  (await place.client().list<Pod>(resources.pods, { namespace: 'default', labelSelector: `app=${app}` })).items;

const nodesOf = async (app: string): Promise<number> =>
  new Set((await pods(app)).map(({ spec }) => spec?.nodeName)).size;

const restarted = (app: string): Promise<unknown> =>
  eventually(
    `${app} is there again`,
    async () => {
      const [pod] = await pods(app);
      const [status] = pod?.status?.containerStatuses ?? [];
      return (status?.restartCount ?? 0) > 0 && status?.ready;
    },
    300_000,
  );

after(() => place.remove());

const guestbook = reader('examples/guestbook/README.md', true);
let page: string;

/** The page's own requests. */
async function sign(name: string, text: string): Promise<void> {
  const body = JSON.stringify({ name, text });
  const response = await fetch(new URL('api/entries', page), { method: 'POST', body });
  assert.equal(response.status, 201, await response.text());
}

async function signatures(): Promise<string[]> {
  const response = await fetch(new URL('api/entries', page));
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return (JSON.parse(text) as { name: string; text: string }[]).map((entry) => `${entry.name}: ${entry.text}`);
}

test('guestbook: three images are built and run, spread over the nodes', limit, async () => {
  await guestbook.follow('npm start');
  for (let part = 0; part < 3; part++) await guestbook.follow('npx slipway image build');
  const pushed = await guestbook.follow('npx slipway image push');
  for (const part of ['web', 'api', 'store'])
    assert.ok(pushed.includes(`pushed registry.slipway.internal/guestbook/${part}:1\n`), pushed);
  await guestbook.follow('kubectl create secret');
  await guestbook.follow('kubectl apply -k');
  for (let part = 0; part < 3; part++) await guestbook.follow('kubectl rollout status');
  assert.deepEqual([await nodesOf('web'), await nodesOf('api')], [3, 2]);
});

test('guestbook: the page through a node port and through port-forward, and what is written there', limit, async () => {
  await guestbook.follow('kubectl get nodes');
  const node = await place.client().get<Node>(resources.nodes, { name: place.node() });
  const address = node.status?.addresses?.[0]?.address ?? '';
  substitutions.push({ from: '10.64.0.11', to: address });
  page = `http://${address}:30080/`;
  // The nodes' rules follow a service a moment later.
  await eventually('the node port answers', () =>
    fetch(page).then(
      (response) => response.ok,
      () => false,
    ),
  );
  assert.match(await guestbook.follow('curl'), /<h1>Guestbook<\/h1>/);
  await guestbook.follow('kubectl port-forward', {
    until: (output) => output.includes('Forwarding from'),
    meanwhile: async () => {
      const response = await fetch(`http://localhost:${forwarded}/`);
      assert.match(await response.text(), /<h1>Guestbook<\/h1>/);
    },
  });
  await eventually('the pages find the API', () => signatures().catch(() => undefined));
  await sign('Ann', 'it floats');
  assert.deepEqual(await signatures(), ['Ann: it floats']);
  await guestbook.follow('kubectl get pods');
});

test('guestbook: new versions and 50 pods, and not one request fails', limit, async () => {
  const told = await guestbook.follow('npx node', {
    until: (output) => /[1-9]\d* answered/.test(output),
    meanwhile: async () => {
      for (let part = 0; part < 2; part++) await guestbook.follow('npx slipway image build');
      await guestbook.follow('npx slipway image push');
      for (let part = 0; part < 2; part++) await guestbook.follow('kubectl set image');
      for (let part = 0; part < 2; part++) await guestbook.follow('kubectl rollout status');
      await guestbook.follow('kubectl scale deployment/web --replicas=50');
      assert.match(await guestbook.follow('kubectl rollout status'), /successfully rolled out/);
      assert.equal((await pods('web')).filter(({ metadata }) => !metadata?.deletionTimestamp).length, 50);
      await guestbook.follow('kubectl scale deployment/web --replicas=3');
      await guestbook.follow('kubectl rollout status');
      await eventually('47 pods are gone', async () => (await pods('web')).length === 3, 300_000);
    },
  });
  const sum = told.trim().split('\n').at(-1) ?? '';
  assert.match(sum, /^\d+ answered \(api 1: \d+, api 2: \d+, web 1: \d+, web 2: \d+\), 0 failed$/, told.slice(-2_000));
});

test('guestbook: entries outlive the store’s program', limit, async () => {
  await guestbook.follow('kubectl exec deployment/store -- kill 1');
  await restarted('store');
  assert.match(await guestbook.follow('kubectl get pods'), /^store-\S+ +1\/1 +Running +[1-9]/m);
  assert.deepEqual(await eventually('the API finds it', () => signatures().catch(() => undefined)), ['Ann: it floats']);
});

test('guestbook: what was made is taken away', limit, async () => {
  await guestbook.follow('kubectl delete -k');
  await guestbook.follow('kubectl delete secret');
  assert.deepEqual(guestbook.left, []);
});

const queue = reader('examples/queue/README.md', false);

interface Counts {
  put: number;
  waiting: number;
  taken: number;
  done: number;
  givenBack: number;
}

const countsIn = (told: string): Counts | undefined => {
  const words = /^(\d+) put: (\d+) waiting, (\d+) taken, (\d+) done; (\d+) given back$/m.exec(told);
  if (!words) return undefined;
  const [put = 0, waiting = 0, taken = 0, done = 0, givenBack = 0] = words.slice(1).map(Number);
  return { put, waiting, taken, done, givenBack };
};

/** Asks again as the reader did, until the queue says so. */
const untilQueue = (what: string, isSo: (counts: Counts) => boolean): Promise<Counts> =>
  eventually(
    what,
    async () => {
      await sleep(500); // each asking is a process
      const counts = countsIn(await place.kubectlOk('logs', 'deployment/queue', '--tail=1'));
      return counts && isSo(counts) && counts;
    },
    300_000,
  );

test('queue: jobs wait for workers, who are killed with some in their hands', limit, async () => {
  await queue.follow('npm start');
  await queue.follow('npx slipway image build');
  await queue.follow('npx slipway image push');
  await queue.follow('kubectl apply -k');
  for (let part = 0; part < 2; part++) await queue.follow('kubectl rollout status');
  await untilQueue('workers have jobs', ({ taken }) => taken > 0);
  await queue.follow('kubectl logs');
  await queue.follow('kubectl delete pod --selector app=worker --grace-period=1');
  await queue.follow('kubectl rollout status');
  await queue.follow('kubectl logs');
});

test('queue: with more workers, and a node that dies with some of them, no job is lost', limit, async () => {
  await queue.follow('kubectl scale deployment/producer --replicas=3');
  await queue.follow('kubectl scale deployment/worker --replicas=10');
  await queue.follow('kubectl rollout status');
  await queue.follow('kubectl get pods');
  const [home] = await pods('queue');
  const dying = [1, 2, 3].map((number) => place.node(number)).find((name) => name !== home?.spec?.nodeName) ?? '';
  const doomed = (await pods('worker')).filter(({ spec }) => spec?.nodeName === dying).length;
  assert.ok(doomed > 0);
  substitutions.push({ from: 'slipway-2', to: dying });
  await untilQueue('one of them has a job', ({ taken }) => taken > 10 - doomed);
  await queue.follow('npx slipway node stop');
  await queue.follow('kubectl scale deployment/producer --replicas=0');
  // one that died with the node is there until the node is back
  const goneElsewhere = async () => (await pods('producer')).every(({ spec }) => spec?.nodeName === dying);
  await eventually('the producers are gone', goneElsewhere, 300_000);
  const { put, done, givenBack } = await untilQueue('it is empty', ({ waiting, taken }) => waiting + taken === 0);
  assert.equal(done, put);
  assert.ok(givenBack > 0, 'those who died had jobs');
  assert.deepEqual(countsIn(await queue.follow('kubectl logs'))?.put, put);
  await queue.follow('npx slipway node start');
});

test('queue: what it knows outlives its program', limit, async () => {
  const before = await untilQueue('it is empty', ({ waiting, taken }) => waiting + taken === 0);
  await queue.follow('kubectl exec deployment/queue -- kill 1');
  await restarted('queue');
  await untilQueue('it knows all jobs', ({ put, done }) => put === before.put && done === before.done);
  await queue.follow('kubectl logs');
});

test('queue: what was made is taken away, and the cluster with it', limit, async () => {
  await queue.follow('kubectl delete -k');
  await queue.follow('npm stop');
  assert.deepEqual(queue.left, []);
});
