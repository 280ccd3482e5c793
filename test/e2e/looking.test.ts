// Looking at a cluster: kubectl top, the metrics of control plane and nodes, and slipway status that goes on.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually, startCluster, type TestPlace } from './cluster.ts';
import { Shell } from './shell.ts';

let cluster: TestPlace;
let shell: Shell;

/** Works without end, keeps 40 MiB of memory in a file that counts as its own, and answers a probe. */
const busy = `
apiVersion: v1
kind: Pod
metadata: {name: busy, labels: {app: busy}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: works
    image: slipway/sample:1
    command: [sh, -c, 'while :; do :; done']
    resources: {limits: {cpu: 200m, memory: 64Mi}}
  - name: holds
    image: slipway/sample:1
    command: [sh, -c, 'dd if=/dev/zero of=/memory/held bs=1M count=40 && exec /serve']
    readinessProbe: {httpGet: {port: 8080}, periodSeconds: 1}
    volumeMounts: [{name: memory, mountPath: /memory}]
  volumes:
  - name: memory
    emptyDir: {medium: Memory}
`;

before(async () => {
  cluster = await startCluster();
  shell = new Shell(cluster, 'looking');
  await cluster.apply(busy);
  await cluster.apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'idle', labels: { app: 'idle' } },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'main', image: 'slipway/sample:1', command: ['sleep', '100000'] }],
    },
  });
  await shell.ok('kubectl wait --for=condition=Ready pod --all --timeout=120s');
});
after(() => cluster.remove());

const limit = { timeout: 300_000 };

/** The rows of a table without its heading, as words. */
const rows = (text: string): string[][] =>
  text
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/));

const tops = (line: string, ready: (found: string[][]) => unknown): Promise<string[][]> =>
  eventually(line, async () => {
    const { code, stdout } = await shell.run(line);
    const found = code === 0 ? rows(stdout) : [];
    return ready(found) ? found : undefined;
  });

test('kubectl top shows what pods and containers use, sorted and selected', limit, async () => {
  // Of a container that works without a pause some CPU must show, whatever else the machine does.
  const containers = await tops('kubectl top pod busy --containers', (found) =>
    found.some(([, name, cpu]) => name === 'works' && Number.parseInt(cpu ?? '', 10) > 0),
  );
  assert.deepEqual(containers.map(([pod, name]) => `${pod}/${name}`).sort(), ['busy/holds', 'busy/works']);
  const memory = containers.find(([, name]) => name === 'holds')?.[3] ?? '';
  assert.match(memory, /^\d+Mi$/);
  assert.ok(Number.parseInt(memory, 10) >= 40, `${memory} with 40 MiB in a file system in memory`);
  const both = (found: string[][]): boolean => found.length === 2;
  const sorted = await tops('kubectl top pods --sort-by=memory', both);
  assert.deepEqual(
    sorted.map(([name]) => name),
    ['busy', 'idle'],
  );
  const everywhere = await tops('kubectl top pods -A --sort-by=cpu', both);
  assert.deepEqual(
    everywhere.map(([namespace, name]) => `${namespace}/${name}`),
    ['default/busy', 'default/idle'],
  );
  assert.deepEqual(
    (await tops('kubectl top pods -l app=idle', (found) => found.length === 1)).map(([name]) => name),
    ['idle'],
  );
  assert.match(await shell.refused('kubectl top pod nobody'), /pods "nobody" not found/);
});

test('kubectl top shows what nodes use; the group is found and explained', limit, async () => {
  const [node] = await tops('kubectl top nodes', (found) => /^\d+m$/.test(found[0]?.[1] ?? ''));
  assert.equal(node?.[0], cluster.node());
  assert.match(node?.[2] ?? '', /^\d+%$/);
  assert.match(await shell.ok('kubectl api-resources --api-group=metrics.k8s.io'), /^pods .* PodMetrics$/m);
  assert.match(await shell.ok('kubectl get podmetrics idle'), /^idle +\w+ +\w+ +[\dms.]+s$/m);
  assert.match(await shell.ok('kubectl explain podmetrics --api-version=metrics.k8s.io/v1beta1'), /containers/);
});

test('who may view may see it, who may nothing may not', limit, async () => {
  await shell.ok('kubectl create rolebinding looks --clusterrole=view --user=ann');
  await shell.ok('kubectl top pod idle --as=ann');
  assert.match(await shell.refused('kubectl top pod idle --as=bob'), /User "bob" cannot get resource "pods"/);
  assert.match(await shell.refused('kubectl top nodes --as=ann'), /User "ann" cannot list resource "nodes"/);
});

test('control plane and node tell their metrics, the node’s through the API', limit, async () => {
  const api = await shell.ok('kubectl get --raw /metrics');
  for (const line of [
    /^apiserver_request_total\{code="200",verb="LIST",[^}]*resource="pods"/m,
    /^apiserver_storage_objects\{resource="pods"\} 2$/m,
    /^workqueue_adds_total\{name="\w/m,
    /^scheduler_schedule_attempts_total\{profile="default-scheduler",result="scheduled"\} \d/m,
    /^scheduler_pending_pods\{queue="active"\} 0$/m,
    /^process_resident_memory_bytes \d/m,
  ])
    assert.match(api, line);
  const proxy = `kubectl get --raw /api/v1/nodes/${cluster.node()}/proxy`;
  const agent = await shell.ok(`${proxy}/metrics`);
  assert.match(agent, /^kubelet_running_pods 2$/m);
  assert.match(agent, /^kubelet_running_containers\{container_state="running"\} 3$/m);
  assert.match(agent, /^kubelet_pod_start_duration_seconds_count 2$/m);
  assert.match(agent, /^kubelet_runtime_operations_total\{operation_type="start_container"\} 3$/m);
  assert.match(await shell.ok(`${proxy}/metrics/resource`), /^container_cpu_usage_seconds_total\{container="works",/m);
  const probes = await shell.ok(`${proxy}/metrics/probes`);
  assert.match(probes, /^prober_probe_total\{container="holds",[^}]*probe_type="Readiness",result="successful"\} \d/m);
  const summary = JSON.parse(await shell.ok(`${proxy}/stats/summary`)) as { pods: unknown[] };
  assert.equal(summary.pods.length, 2);
  await shell.ok('kubectl exec busy -c holds -- nslookup kubernetes.default.svc.cluster.local');
  const dns = /^coredns_dns_requests_total\{[^}]*zone="cluster.local.",[^}]*proto="udp",[^}]*type="A"\} \d/m;
  assert.match(await shell.ok(`${proxy}/metrics`), dns);
});

test('slipway status goes on until it is interrupted, and says by its exit code how it was', limit, async () => {
  const watching = cluster.start('status', '--watch');
  let shown = '';
  watching.stdout?.on('data', (chunk: Buffer) => (shown += chunk));
  const ended = new Promise<number | null>((resolve) => watching.once('exit', resolve));
  // How busy a node is may be missing in a look: it is not waited for.
  const row = new RegExp(`^${cluster.node()} +Ready .* \\d+m \\(\\d+%\\) +\\d+ MiB \\(\\d+%\\)$`, 'm');
  await eventually('two looks', () => shown.split('Cluster ').length > 2 && row.test(shown));
  process.kill(-watching.pid!, 'SIGINT');
  assert.equal(await ended, 0);
  assert.match(shown, /^Pods: 2 Running$/m);
});
