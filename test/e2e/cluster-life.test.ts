// A cluster's life as its owner sees it: up, again, down, up with its data, purged; interrupted; two side by side.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { addressPlan } from '../../local/network/addresses.ts';
import { hostLink } from '../../local/network/topology.ts';
import { run } from '../../local/run.ts';
import { isAlive } from '../../local/state/processes.ts';
import { readSpec, writeSpec } from '../../local/state/spec.ts';
import { eventually, freePort, startCluster, TestPlace, withCluster } from './cluster.ts';
import { remains } from './remains.ts';

const sample = (name: string): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'web', image: 'slipway/sample:1' }] },
});

test('up, a pod, up again, down, up with the pod still there, purged: nothing is left on the machine', async () => {
  const place = await startCluster();
  try {
    await place.apply(sample('hello'));
    await place.kubectlOk('wait', '--for=condition=Ready', 'pod/hello', '--timeout=120s');

    const again = await place.slipway('up');
    assert.equal(again.code, 0, again.stderr);
    assert.match(again.stdout, /is running already/);

    const down = await place.slipway('down', '--grace', '0');
    assert.equal(down.code, 0, down.stderr);
    assert.deepEqual(await remains(place), []);
    assert.equal(existsSync(place.kubeconfig), false);

    const back = await place.slipway('up', '--no-install');
    assert.equal(back.code, 0, back.stderr);
    await eventually('the pod runs again', async () => {
      const { stdout } = await place.kubectl(
        'get',
        'pod',
        'hello',
        '-o',
        'jsonpath={.status.phase} {.status.containerStatuses[0].restartCount}',
      );
      return stdout === 'Running 1';
    });
  } finally {
    await place.remove();
  }
  assert.deepEqual(await remains(place), []);
  assert.equal(existsSync(place.paths.dir), false);
});

/** A start that is interrupted when it has printed so many lines; code 0 when it had ended before the signal arrived. */
async function interruptedStart(place: TestPlace, lines: number): Promise<{ code: number; output: string }> {
  const child = place.start('up', '--no-install', '--port', String(await freePort()));
  let output = '';
  let interrupted = false;
  child.stdout!.on('data', (chunk: Buffer) => {
    output += chunk;
    if (interrupted || output.split('\n').length <= lines) return;
    interrupted = true;
    process.kill(-child.pid!, 'SIGINT');
  });
  const [code] = await once(child, 'close');
  return { code, output };
}

test('Ctrl-C at any moment of the start takes down what was up', async () => {
  // each output line of the start is one moment
  for (let line = 1; line <= 3; line++) {
    // a start that was through before the signal came was not interrupted, and stays up as it says: it is tried again
    for (let attempt = 1; ; attempt++) {
      const place = new TestPlace();
      try {
        const { code, output } = await interruptedStart(place, line);
        if (code === 0 && / is up after /.test(output) && attempt < 10) continue;
        assert.equal(code, 130, output);
        assert.deepEqual(await remains(place), [], output);
        assert.equal(existsSync(place.kubeconfig), false);
        break;
      } finally {
        await place.remove();
      }
    }
  }
});

test('two clusters side by side have nodes, pods and contexts of their own', () =>
  withCluster({}, (first) =>
    withCluster({ nodes: 2 }, async (second) => {
      await first.apply(sample('only-in-first'));
      await first.kubectlOk('wait', '--for=condition=Ready', 'pod/only-in-first', '--timeout=120s');
      assert.equal(await second.kubectlOk('get', 'pods', '-o', 'name'), '');
      assert.equal((await second.kubectlOk('get', 'nodes', '-o', 'name')).trim().split('\n').length, 2);
      const [a, b] = [readSpec(first.paths)!, readSpec(second.paths)!];
      assert.notEqual(a.index, b.index);
      await second.slipway('down', '--grace', '0');
      assert.match(await first.kubectlOk('get', 'pod', 'only-in-first'), /Running/);
    }),
  ));

test('a stopped cluster whose addresses one of another home has taken meanwhile leaves them alone when it goes', () =>
  withCluster({}, async (running) => {
    const stopped = new TestPlace();
    writeSpec(stopped.paths, {
      ...readSpec(running.paths)!,
      name: stopped.name,
      nodes: [],
      kubeconfig: stopped.kubeconfig,
    });
    await stopped.remove();
    await running.apply(sample('hello'));
    await running.kubectlOk('wait', '--for=condition=Ready', 'pod/hello', '--timeout=120s');
    assert.match(await running.kubectlOk('exec', 'hello', '--', 'echo', 'reached'), /reached/);
    const { stdout } = await run('ip', ['route', 'show', 'type', 'unreachable']);
    const { cluster, services } = addressPlan(readSpec(running.paths)!.index);
    for (const range of [cluster, services]) assert.ok(stdout.includes(range), stdout);
  }));

test('a link that something else on the machine removed is put back by the next up', () =>
  withCluster({}, async (place) => {
    await place.apply(sample('hello'));
    await place.kubectlOk('wait', '--for=condition=Ready', 'pod/hello', '--timeout=120s');
    assert.equal((await run('ip', ['link', 'del', hostLink(addressPlan(readSpec(place.paths)!.index))])).code, 0);
    assert.notEqual((await place.kubectl('exec', 'hello', '--', 'true')).code, 0);
    const { code, stderr } = await place.slipway('up', '--no-install');
    assert.equal(code, 0, stderr);
    assert.match(await place.kubectlOk('exec', 'hello', '--', 'echo', 'reached'), /reached/);
    await place.apply(sample('next'));
    await place.kubectlOk('wait', '--for=condition=Ready', 'pod/next', '--timeout=120s');
    const restarts = '{.status.containerStatuses[0].restartCount}';
    assert.equal(await place.kubectlOk('get', 'pod', 'hello', '-o', `jsonpath=${restarts}`), '0');
  }));

test('a port in use ends in one clear line, and nothing stays up', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const place = new TestPlace();
  try {
    const { code, stderr } = await place.slipway('up', '--no-install', '--port', String(port));
    assert.equal(code, 1);
    assert.equal(
      stderr,
      `slipway: port ${port} on 127.0.0.1 is in use by another program\n  hint: choose another: --port NUMBER\n`,
    );
    assert.deepEqual(await remains(place), []);
  } finally {
    server.close();
    await place.remove();
  }
});

test('a data directory of a newer version is refused and left as it is', async () => {
  const place = new TestPlace();
  const spec = {
    dataVersion: 99,
    name: place.name,
    index: 0,
    runtime: 'containerd',
    port: 6443,
    egress: false,
    nodes: [],
    kubeconfig: place.kubeconfig,
  } as const;
  writeSpec(place.paths, { ...spec, nodes: [] });
  const before = readFileSync(place.paths.spec, 'utf8');
  for (const command of [['up', '--no-install'], ['status'], ['down', '--purge']]) {
    const { code, stderr } = await place.slipway(...command);
    assert.notEqual(code, 0);
    assert.match(stderr, /written by a newer Slipway \(data version 99, this one knows 1\)/);
  }
  assert.equal(readFileSync(place.paths.spec, 'utf8'), before);
  writeFileSync(place.paths.spec, before.replace('99', '1'));
  await place.remove();
});

test('a full disk ends in a clear message, and nothing stays up', async () => {
  const place = new TestPlace();
  const data = place.env['SLIPWAY_HOME']!;
  mkdirSync(data);
  assert.equal((await run('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', data])).code, 0);
  try {
    const { code, stderr } = await place.slipway('up', '--no-install', '--port', String(await freePort()));
    assert.equal(code, 1);
    assert.equal(
      stderr,
      `slipway: no space left on device: 0 MB are free for ${data}, a start needs 64 MB\n` +
        '  hint: make room, or set SLIPWAY_HOME to a folder on another disk\n',
    );
    assert.deepEqual(await remains(place), []);
  } finally {
    await run('umount', [data]);
    await place.remove();
  }
});

test('the status names every part, and says with its exit code when one is down', () =>
  withCluster({}, async (cluster) => {
    const healthy = await eventually('all is well', async () => {
      const answer = await cluster.slipway('status', '--json');
      return answer.code === 0 && answer;
    });
    const status = JSON.parse(healthy.stdout);
    assert.deepEqual(
      status.parts.map((part: { part: string }) => part.part),
      ['control-plane', `${cluster.node()}/containerd`, `${cluster.node()}/agent`],
    );
    assert.equal(status.nodes[0].ready, true);
    process.kill(cluster.part(`${cluster.node()}/agent`).pid, 'SIGKILL');
    await eventually('the agent is gone', () => !isAlive(cluster.part(`${cluster.node()}/agent`)));
    const broken = await cluster.slipway('status');
    assert.equal(broken.code, 3);
    assert.match(broken.stdout, /agent .*has died/);
  }));

describe('a part that is killed while a pod runs', () => {
  let repaired: TestPlace;
  before(async () => {
    repaired = await startCluster();
    await repaired.apply(sample('survivor'));
    await repaired.kubectlOk('wait', '--for=condition=Ready', 'pod/survivor', '--timeout=120s');
  });
  after(() => repaired.remove());

  const survivor = async (): Promise<string> =>
    repaired.kubectlOk(
      'get',
      'pod',
      'survivor',
      '-o',
      'jsonpath={.status.containerStatuses[0].containerID} {.status.containerStatuses[0].restartCount}',
    );

  for (const part of ['control-plane', 'agent', 'containerd']) {
    test(`kill -9 of the ${part}: the container runs on, and up brings the part back`, async () => {
      const name = part === 'control-plane' ? part : `${repaired.node()}/${part}`;
      const before = await survivor();
      const killed = repaired.part(name);
      process.kill(killed.pid, 'SIGKILL');
      await eventually(`${part} is gone`, () => !isAlive(killed));
      const { code, stderr } = await repaired.slipway('up', '--no-install');
      assert.equal(code, 0, stderr);
      assert.notEqual(repaired.part(name).pid, killed.pid);
      assert.equal(await survivor(), before);
      await repaired.kubectlOk('exec', 'survivor', '--', 'true');
      await eventually('all is well', async () => (await repaired.slipway('status')).code === 0);
    });
  }
});
