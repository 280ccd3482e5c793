// A node in its cluster: what users see of it, and what its pods live through when a part of the system dies.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Pod } from '../../core/api/types.gen.ts';
import { resources } from '../../core/client/resources.ts';
import { isAlive } from '../../local/state/processes.ts';
import { eventually, startCluster, type TestPlace } from './cluster.ts';

/** Of static pods. */
const manifests = mkdtempSync(join(tmpdir(), 'slipway-manifests-'));
/** Where the test and containers that mount it tell each other, whoever of the cluster is dead meanwhile: a file is a word. */
const words = mkdtempSync(join(tmpdir(), 'slipway-words-'));
let cluster: TestPlace;
before(async () => {
  cluster = await startCluster({ flags: ['--pod-manifest-path', manifests] });
});
after(async () => {
  for (const folder of [manifests, words]) rmSync(folder, { recursive: true });
  await cluster.remove();
});

const limit = { timeout: 300_000 };
const forEver = 'trap "exit 0" TERM; while true; do sleep 0.1; done';

async function run(
  name: string,
  spec: Partial<NonNullable<Pod['spec']>>,
  annotations: Record<string, string> = {},
): Promise<void> {
  const containers = [{ name: 'm', image: 'slipway/sample:1', command: ['sh', '-c', forEver] }];
  const metadata = { name, annotations };
  await cluster.apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata,
    spec: { terminationGracePeriodSeconds: 1, containers, ...spec },
  });
}

const ready = (name: string): Promise<string> =>
  cluster.kubectlOk('wait', '--for=condition=Ready', `pod/${name}`, '--timeout=120s');
const get = (name: string): Promise<Pod> => cluster.client().get<Pod>(resources.pods, { namespace: 'default', name });

const hears = {
  mount: { name: 'words', mountPath: '/words' },
  volume: { name: 'words', hostPath: { path: words } },
  until: (word: string): string => `until [ -e /words/${word} ]; do sleep 0.1; done`,
};
const tell = (word: string): void => writeFileSync(join(words, word), '');

/** Whether a process of the machine has this in its command. */
const runs = (command: string): boolean =>
  readdirSync('/proc').some((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(command);
    } catch {
      return false; // it ended meanwhile
    }
  });

async function killed(part: string): Promise<void> {
  const ref = cluster.part(part);
  process.kill(ref.pid, 'SIGKILL');
  await eventually(`${part} is dead`, () => !isAlive(ref));
}

async function up(): Promise<void> {
  const { code, stderr } = await cluster.slipway('up', '--no-install');
  assert.equal(code, 0, stderr);
}

test('the node tells what it is, and holds a certificate that the cluster signed', limit, async () => {
  const wide = await cluster.kubectlOk('get', 'nodes', '-o', 'wide');
  assert.match(wide, /Ready .*containerd:\/\//);
  const node = JSON.parse(await cluster.kubectlOk('get', 'node', cluster.node(), '-o', 'json'));
  assert.equal(node.metadata.labels['kubernetes.io/hostname'], cluster.node());
  assert.deepEqual(
    node.status.conditions.map((c: { type: string; status: string }) => `${c.type}=${c.status}`),
    ['MemoryPressure=False', 'DiskPressure=False', 'PIDPressure=False', 'Ready=True'],
  );
  const requests = await cluster.kubectlOk('get', 'csr', '-o', 'name');
  assert.equal(requests.trim().split('\n').length, 2);
});

test(
  'a pod has its token, its cluster’s CA and its namespace mounted, and the API in its environment',
  limit,
  async () => {
    await run('token', {});
    await ready('token');
    const folder = '/var/run/secrets/kubernetes.io/serviceaccount';
    const inside = await cluster.kubectlOk(
      'exec',
      'token',
      '--',
      'sh',
      '-c',
      `cat ${folder}/namespace; head -1 ${folder}/ca.crt; cat ${folder}/token; echo; env`,
    );
    assert.match(inside, /^default-----BEGIN CERTIFICATE-----\n/);
    const token = /^(eyJ[\w-]+\.[\w-]+\.[\w-]+)$/m.exec(inside)?.[1] ?? '';
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
    assert.equal(claims.sub, 'system:serviceaccount:default:default');
    assert.equal(claims['kubernetes.io'].pod.name, 'token');
    assert.match(inside, /^KUBERNETES_SERVICE_HOST=/m);
  },
);

test('events tell how a pod came to run, in the words that users know', limit, async () => {
  await run('told', {});
  await ready('told');
  await eventually('all events are there', async () => {
    const text = await cluster.kubectlOk('events', '--for', 'pod/told', '--no-headers');
    return ['Scheduled', 'Pulled', 'Created', 'Started'].every((reason) => text.includes(reason));
  });
});

test('a host port is reached at the node’s address', limit, async () => {
  const ports = [{ containerPort: 8080, hostPort: 18080 }];
  await run('published', { containers: [{ name: 'm', image: 'slipway/sample:1', ports }] });
  await ready('published');
  const address = (await get('published')).status?.hostIP;
  const text = await eventually('the port answers', () =>
    fetch(`http://${address}:18080/`).then(
      (r) => r.text(),
      () => undefined,
    ),
  );
  assert.match(text, /It floats/);
});

test('bandwidth is limited in both directions by the pod’s annotations', limit, async () => {
  await run('slow', {}, { 'kubernetes.io/egress-bandwidth': '8M', 'kubernetes.io/ingress-bandwidth': '8M' });
  await ready('slow');
  const sink = [
    {
      name: 'm',
      image: 'slipway/sample:1',
      command: ['sh', '-c', 'while true; do sleep 1000 | nc -l -p 9000 > /dev/null; done'],
    },
  ];
  await run('fast', { containers: sink });
  await ready('fast');
  const listens = 'until grep -q :2328 /proc/net/tcp /proc/net/tcp6; do sleep 0.1; done'; // port 9000
  await cluster.kubectlOk('exec', 'fast', '--', 'sh', '-c', listens);
  const ip = (await get('fast')).status?.podIP;
  const script = `dd if=/dev/zero bs=1000 count=3000 2>/dev/null | nc ${ip} 9000`;
  const began = performance.now();
  await cluster.kubectlOk('exec', 'slow', '--', 'sh', '-c', script);
  // Three megabytes at one megabyte a second, less what buffers swallow; unlimited they take some milliseconds.
  assert.ok(performance.now() - began > 1500);
});

test('an agent that is killed comes back to the same containers; what ended meanwhile is told', limit, async () => {
  await run('kept', {});
  const short = hears.until('end');
  await run('ends', {
    restartPolicy: 'Never',
    containers: [{ name: 'm', image: 'slipway/sample:1', command: ['sh', '-c', short], volumeMounts: [hears.mount] }],
    volumes: [hears.volume],
  });
  await ready('kept');
  await ready('ends');
  const before = (await get('kept')).status?.containerStatuses;
  await killed(`${cluster.node()}/agent`);
  assert.ok(runs(short));
  tell('end');
  await eventually('the container has ended', () => !runs(short));
  await up();
  await cluster.kubectlOk('wait', '--for=jsonpath={.status.phase}=Succeeded', 'pod/ends', '--timeout=120s');
  assert.deepEqual((await get('kept')).status?.containerStatuses, before);
});

test('containerd is killed: containers run on, and new pods start when it is back', limit, async () => {
  const before = (await get('kept')).status?.containerStatuses;
  await killed(`${cluster.node()}/containerd`);
  await up();
  await run('later', {});
  await ready('later');
  assert.deepEqual((await get('kept')).status?.containerStatuses, before);
});

const manifest = join(manifests, 'beacon.yaml');
const beacon = (text: string): string => `
apiVersion: v1
kind: Pod
metadata: {name: beacon, labels: {app: beacon}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - {name: m, image: slipway/sample:1, command: [sh, -c, 'echo ${text}; ${forEver.replaceAll('"', '')}']}
`;

test(
  'a manifest in the node’s folder runs, and the API shows it; who deletes it there gets it back',
  limit,
  async () => {
    writeFileSync(manifest, beacon('first'));
    const name = `beacon-${cluster.node()}`;
    await eventually('it is shown', async () => (await cluster.kubectl('get', 'pod', name)).code === 0);
    await ready(name);
    await eventually('it says so', async () => (await cluster.kubectl('logs', name)).stdout === 'first\n');
    assert.equal(await cluster.kubectlOk('exec', name, '--', 'echo', 'aye'), 'aye\n');
    const before = await get(name);
    assert.deepEqual(
      before.metadata?.ownerReferences?.map(({ kind, name: owner }) => [kind, owner]),
      [['Node', cluster.node()]],
    );
    assert.match(await cluster.kubectlOk('describe', 'pod', name), /Controlled By: +Node\/[\s\S]*Started/);
    await cluster.kubectlOk('delete', 'pod', name);
    await cluster.kubectlOk('delete', 'pod', name, '--force', '--grace-period=0', '--ignore-not-found');
    const back = await eventually('it is back', async () => {
      const { stdout } = await cluster.kubectl('get', 'pod', name, '-o', 'json');
      return stdout !== '' && (JSON.parse(stdout) as Pod);
    });
    assert.notEqual(back.metadata?.uid, before.metadata?.uid);
    await ready(name);
    assert.deepEqual(
      (await get(name)).status?.containerStatuses,
      before.status?.containerStatuses,
      'nothing restarted',
    );
  },
);

test('a static pod outlives its agent, changes with its manifest and ends with it', limit, async () => {
  const name = `beacon-${cluster.node()}`;
  const before = (await get(name)).status?.containerStatuses;
  await killed(`${cluster.node()}/agent`);
  await up();
  writeFileSync(join(manifests, 'broken.yaml'), 'kind: Pod');
  writeFileSync(join(manifests, 'second.yaml'), beacon('beside').replaceAll('beacon', 'second'));
  await eventually('the new agent reads manifests', async () =>
    (await cluster.kubectlOk('get', 'pods', '-o', 'name')).includes(`pod/second-${cluster.node()}`),
  );
  assert.deepEqual((await get(name)).status?.containerStatuses, before);
  writeFileSync(manifest, beacon('changed'));
  await eventually('it says something else', async () => (await cluster.kubectl('logs', name)).stdout === 'changed\n');
  rmSync(manifest);
  await eventually('it is gone', async () => /NotFound/.test((await cluster.kubectl('get', 'pod', name)).stderr));
});

test(
  'while the control plane is dead a container is restarted by its node, and that is told afterwards',
  limit,
  async () => {
    const once = `if [ -f /v/once ]; then touch /words/again; ${forEver}; fi; touch /v/once; ${hears.until('crash')}`;
    await run('crashes', {
      containers: [
        {
          name: 'm',
          image: 'slipway/sample:1',
          command: ['sh', '-c', once],
          volumeMounts: [{ name: 'v', mountPath: '/v' }, hears.mount],
        },
      ],
      volumes: [{ name: 'v', emptyDir: {} }, hears.volume],
    });
    await ready('crashes');
    await killed('control-plane');
    tell('crash');
    await eventually('it runs again', () => existsSync(join(words, 'again')));
    await up();
    const status = await eventually('the restart is told', async () => {
      const container = (await get('crashes')).status?.containerStatuses?.[0];
      return container?.restartCount === 1 && container.ready && container;
    });
    assert.equal(status.lastState?.terminated?.exitCode, 0);
  },
);

test(
  'a pod deleted by force while its node’s agent is dead is cleared away when the agent is back',
  limit,
  async () => {
    await killed(`${cluster.node()}/agent`);
    await cluster.kubectlOk('delete', 'pod', 'kept', '--force', '--grace-period=0');
    await up();
    await eventually('its containers are gone', async () => {
      const { stdout } = await cluster.slipway('status');
      const stats = await cluster.client().raw(`/api/v1/nodes/${cluster.node()}/proxy/pods`);
      const { items } = (await stats.json()) as { items: Pod[] };
      return stdout !== '' && !items.some((p) => p.metadata?.name === 'kept');
    });
  },
);
