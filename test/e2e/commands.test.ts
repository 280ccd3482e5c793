// The commands around a cluster: wrong usage, nodes, kubeconfig, logs, doctor.
import assert from 'node:assert/strict';
import { chownSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { run } from '../../local/run.ts';
import { eventually, freePort, pageAt, startCluster, TestPlace, withCluster } from './cluster.ts';

let cluster: TestPlace;
before(async () => {
  cluster = await startCluster({ nodes: 2 });
});
after(() => cluster.remove());

test('an unknown command, flag or value is wrong usage: exit code 2 and the way to the help', async () => {
  const place = new TestPlace();
  for (const args of [
    ['fly'],
    ['up', '--wings'],
    ['up', '--port', '99999'],
    ['up', '--runtime', 'docker'],
    ['up', '--nodes', '0'],
  ]) {
    const { code, stderr } = await place.slipway(...args);
    assert.equal(code, 2, `${args.join(' ')}: ${stderr}`);
    assert.equal(stderr.includes('    at '), false);
  }
  await place.remove();
});

test('a cluster that does not exist is said not to, by every command that needs it', async () => {
  const place = new TestPlace();
  for (const args of [['status'], ['image', 'list'], ['node', 'stop', 'x'], ['node', 'add']]) {
    const { code, stderr } = await place.slipway(...args);
    assert.notEqual(code, 0);
    assert.match(stderr, /there is no cluster/);
  }
  await place.remove();
});

test('the example of the README runs as it stands', async () => {
  await cluster.kubectlOk('apply', '-f', 'examples/hello/hello.yaml');
  await cluster.kubectlOk('rollout', 'status', 'deployment/hello', '--timeout=120s');
  const addresses = await cluster.kubectlOk(
    'get',
    'pods',
    '-l',
    'app=hello',
    '-o',
    'jsonpath={.items[*].status.podIP}',
  );
  for (const address of addresses.split(' ')) assert.match(await pageAt(address), /Hello from a config map/);
  await cluster.kubectlOk('delete', '-f', 'examples/hello/hello.yaml', '--wait=false');
});

test('nodes of one cluster reach each other’s pods, and the machine does too', async () => {
  for (const number of [1, 2]) {
    const spec = { nodeName: cluster.node(number), containers: [{ name: 'web', image: 'slipway/sample:1' }] };
    await cluster.apply({ apiVersion: 'v1', kind: 'Pod', metadata: { name: `on-${number}` }, spec });
  }
  await cluster.kubectlOk('wait', '--for=condition=Ready', 'pod/on-1', 'pod/on-2', '--timeout=120s');
  const address = await cluster.kubectlOk('get', 'pod', 'on-2', '-o', 'jsonpath={.status.podIP}');
  assert.match(await pageAt(address), /It floats/);
  const page = await cluster.kubectlOk('exec', 'on-1', '--', 'wget', '-qO-', `http://${address}:8080/`);
  assert.match(page, /It floats/);
});

test('a node without a way out answers connections to the outside at once', async () => {
  const { code } = await run('nsenter', [
    `--net=/run/netns/${cluster.paths.id}.${cluster.node()}`,
    'ip',
    'route',
    'get',
    '198.51.100.1',
  ]);
  assert.notEqual(code, 0);
});

test('a way out is opened and closed while the cluster runs, and leaves no trace', async () => {
  const forwarding = (): string => readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8');
  const way = async (): Promise<string> =>
    (await run('ip', ['-n', `${cluster.paths.id}.${cluster.node()}`, 'route', 'show', 'default'])).stdout.trim();
  const tables = async (): Promise<boolean> => (await run('nft', ['list', 'tables'])).stdout.includes(cluster.paths.id);
  const before = forwarding();
  assert.equal((await cluster.slipway('up', '--egress')).code, 0);
  assert.match(await way(), /^default via 10\.\d+\.0\.1 /);
  assert.deepEqual([await tables(), forwarding()], [true, '1\n']);
  // as a firewall that is loaded anew does
  assert.equal((await run('nft', ['delete', 'table', 'ip', cluster.paths.id])).code, 0);
  const again = await cluster.slipway('up');
  assert.match(again.stdout, /opened again \(masquerading\).*is running already/s);
  assert.deepEqual([await tables(), (await cluster.slipway('up')).stdout.includes('opened again')], [true, false]);
  assert.equal((await cluster.slipway('up', '--no-egress')).code, 0);
  assert.equal(await way(), 'unreachable default');
  assert.deepEqual([await tables(), forwarding()], [false, before]);
});

test('a node is added, stopped, started and removed', async () => {
  const third = cluster.node(3);
  const add = await cluster.slipway('node', 'add');
  assert.equal(add.code, 0, add.stderr);
  await cluster.kubectlOk('wait', '--for=condition=Ready', `node/${third}`, '--timeout=120s');
  assert.equal((await cluster.slipway('node', 'stop', third)).code, 0);
  assert.match((await cluster.slipway('node', 'stop', third)).stderr, /stopped already/);
  const start = await cluster.slipway('node', 'start', third);
  assert.equal(start.code, 0, start.stderr);
  await cluster.kubectlOk('wait', '--for=condition=Ready', `node/${third}`, '--timeout=120s');
  const rm = await cluster.slipway('node', 'rm', third);
  assert.equal(rm.code, 0, rm.stderr);
  await eventually('the node object is gone', async () =>
    (await cluster.kubectl('get', 'node', third)).stderr.includes('NotFound'),
  );
});

test('the kubeconfig printed is one that kubectl can use', async () => {
  const { stdout } = await cluster.slipway('kubeconfig');
  const file = join(cluster.home, 'printed');
  writeFileSync(file, stdout);
  assert.match(await cluster.kubectlOk('--kubeconfig', file, 'get', 'nodes', '-o', 'name'), /^node\//);
});

test('every part has a log', async () => {
  const { stdout } = await cluster.slipway('logs');
  for (const part of ['control-plane', `${cluster.node()}/agent`, `${cluster.node()}/containerd`]) {
    assert.match(stdout, new RegExp(`^${part} `, 'm'));
    assert.notEqual((await cluster.slipway('logs', part)).stdout, '');
  }
  assert.match((await cluster.slipway('logs', 'rudder')).stderr, /there is no log of "rudder"/);
});

test('the doctor finds nothing wrong on a machine that runs a cluster', async () => {
  const { code, stdout } = await run(process.execPath, ['cli/slipway.js', 'doctor', '--json']);
  assert.equal(code, 0, stdout);
});

test('without root and sudo, real containers end in one clear line, and simulated nodes work', async () => {
  const place = new TestPlace();
  const nobody = 65534;
  chownSync(place.home, nobody, nobody);
  const env = { ...place.env, PATH: dirname(process.execPath), HOME: place.home, XDG_CACHE_HOME: place.home };
  const slipway = (...args: string[]) =>
    run(
      '/usr/bin/setpriv',
      [
        '--reuid',
        `${nobody}`,
        '--regid',
        `${nobody}`,
        '--clear-groups',
        process.execPath,
        'cli/slipway.js',
        ...args,
        '--name',
        place.name,
      ],
      { env },
    );
  const refused = await slipway('up');
  assert.equal(refused.code, 1);
  const sudo = existsSync('/usr/bin/sudo');
  assert.match(refused.stderr, /^slipway: real containers need root \(or: slipway up --runtime simulated\)/);
  assert.match(refused.stderr, sudo ? /running itself again with sudo/ : /hint: run it as root, or install sudo/);
  try {
    const up = await slipway('up', '--runtime', 'simulated', '--port', String(await freePort()));
    assert.equal(up.code, 0, up.stderr);
    assert.equal((await slipway('status')).code, 0);
  } finally {
    assert.equal((await slipway('down', '--purge')).code, 0);
    await place.remove();
  }
});

test('simulated nodes run pods in pretence, come and go', () =>
  withCluster({ runtime: 'simulated', nodes: 3 }, async (simulated) => {
    const nodes = async (): Promise<string[]> =>
      (await simulated.kubectlOk('get', 'nodes', '-o', 'name')).trim().split('\n');
    assert.equal((await nodes()).length, 3);
    await simulated.kubectlOk('create', 'deployment', 'pretend', '--image=anything/at-all', '--replicas=6');
    await simulated.kubectlOk('rollout', 'status', 'deployment/pretend', '--timeout=120s');
    const addresses = (await simulated.kubectlOk('get', 'pods', '-o', 'jsonpath={.items[*].status.podIP}')).split(' ');
    assert.equal(new Set(addresses).size, 6);
    assert.equal((await simulated.slipway('node', 'add', '2')).code, 0);
    assert.equal((await nodes()).length, 5);
    assert.equal((await simulated.slipway('node', 'rm', simulated.node(1))).code, 0);
    assert.equal((await nodes()).includes(`node/${simulated.node(1)}`), false);
    assert.equal((await simulated.slipway('status')).code, 0);
    assert.match((await simulated.slipway('image', 'list')).stderr, /simulated/);
  }));
