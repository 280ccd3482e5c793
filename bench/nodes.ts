// Rows about a machine with real containers: start to a Ready node, a pod from create to Running as a watcher sees it beside the
// raw CRI calls by hand on the same containerd, and memory with 100 pods. Needs root, as the nodes do.
import { connectCri } from '../agent/cri/client.ts';
import type { ContainerConfig, PodSandboxConfig } from '../agent/cri/messages.ts';
import type { Client } from '../core/client/client.ts';
import { nodePaths } from '../local/state/paths.ts';
import { freePort, startCluster, type TestPlace } from '../test/e2e/cluster.ts';
import { startPeer } from '../test/peer/control-plane.ts';
import { median, type Row, residentMiB } from './measure.ts';

const sample = 'slipway/sample:1';
const podStarts = 15;
const manyPods = 100;
const startRuns = 3;
const pods = { group: '', version: 'v1', plural: 'pods' };

interface SeenPod {
  metadata: { name: string };
  status?: { phase?: string };
}

const podNamed = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default' },
  spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'main', image: sample, command: ['sleep', '3600'] }] },
});

/** Milliseconds from `slipway up` to its return with a Ready node; the cluster is new each time. */
async function startMs(): Promise<number> {
  const began = performance.now();
  const cluster = await startCluster();
  const took = performance.now() - began;
  await cluster.remove();
  return took;
}

async function peerStartMs(): Promise<number> {
  const began = performance.now();
  const peer = await startPeer({ port: await freePort(), scheduler: true });
  const took = performance.now() - began;
  await peer.stop();
  return took;
}

/** Calls `onRunning(name)` for each pod as a watch shows it Running. */
async function watchRunning(client: Client, onRunning: (name: string) => void): Promise<() => void> {
  const stop = new AbortController();
  const { resourceVersion } = await client.list(pods, { namespace: 'default' });
  const follow = async () => {
    for await (const event of client.watch<SeenPod>(pods, resourceVersion, { namespace: 'default' }, stop.signal)) {
      if (event.type === 'MODIFIED' && event.object.status?.phase === 'Running') onRunning(event.object.metadata.name);
    }
  };
  follow().catch(() => {});
  return () => stop.abort();
}

async function podStartMs(client: Client): Promise<number> {
  const waiting = new Map<string, () => void>();
  const stop = await watchRunning(client, (name) => waiting.get(name)?.());
  const figures: number[] = [];
  for (let index = 0; index <= podStarts; index++) {
    const name = `start-${index}`;
    const running = new Promise<void>((resolve) => waiting.set(name, resolve));
    const began = performance.now();
    await client.create(pods, podNamed(name));
    await running;
    // The first pod also finds out which image there is.
    if (index > 0) figures.push(performance.now() - began);
    await client.delete(pods, { namespace: 'default', name });
  }
  stop();
  return median(figures);
}

const sandbox = (name: string): PodSandboxConfig => ({
  metadata: { name, namespace: 'bench', uid: name, attempt: 0 },
  hostname: name,
  log_directory: `/tmp/slipway-bench-logs/${name}`,
  labels: {},
  annotations: {},
  linux: { cgroup_parent: '', security_context: {} as PodSandboxConfig['linux']['security_context'] },
});

const container: ContainerConfig = {
  metadata: { name: 'main', attempt: 0 },
  image: { image: `docker.io/${sample}` } as ContainerConfig['image'],
  command: ['sleep', '3600'],
  args: [],
  envs: [],
  mounts: [],
  labels: {},
  annotations: {},
  log_path: 'main.log',
  linux: {
    resources: {} as ContainerConfig['linux']['resources'],
    security_context: {} as ContainerConfig['linux']['security_context'],
  },
};

/** Sandbox, create and start, one after the other, as little as a pod can be made of. */
async function rawStartMs(socket: string): Promise<number> {
  const cri = connectCri(socket);
  const figures: number[] = [];
  for (let index = 0; index <= podStarts; index++) {
    const config = sandbox(`raw-${index}`);
    const began = performance.now();
    const id = await cri.runPodSandbox(config, '');
    await cri.startContainer(await cri.createContainer(id, container, config));
    if (index > 0) figures.push(performance.now() - began);
    await cri.stopPodSandbox(id);
    await cri.removePodSandbox(id);
  }
  cri.close();
  return median(figures);
}

async function memoryRows(cluster: TestPlace, client: Client): Promise<Row[]> {
  const running = new Set<string>();
  let done: () => void = () => {};
  const all = new Promise<void>((resolve) => {
    done = resolve;
  });
  const stop = await watchRunning(client, (name) => {
    if (running.add(name).size === manyPods) done();
  });
  const began = performance.now();
  await Promise.all(Array.from({ length: manyPods }, (_, index) => client.create(pods, podNamed(`many-${index}`))));
  await all;
  const seconds = (performance.now() - began) / 1000;
  stop();
  const memory = (part: string) => residentMiB([cluster.part(part).pid]);
  return [
    { what: `${manyPods} pods created at once, to all Running`, unit: 's', better: 'less', slipway: seconds },
    {
      what: `memory of the control plane, ${manyPods} real pods`,
      unit: 'MiB',
      better: 'less',
      slipway: memory('control-plane'),
    },
    {
      what: `memory of the agent, ${manyPods} real pods`,
      unit: 'MiB',
      better: 'less',
      slipway: memory(`${cluster.node()}/agent`),
    },
  ];
}

export async function nodeRows(withPeer: boolean): Promise<Row[]> {
  const starts: number[] = [];
  const peerStarts: number[] = [];
  for (let run = 0; run < startRuns; run++) {
    starts.push(await startMs());
    if (withPeer) peerStarts.push(await peerStartMs());
  }
  const cluster = await startCluster();
  try {
    const client = cluster.client();
    const start = await podStartMs(client);
    const socket = nodePaths(cluster.paths, cluster.node()).socket;
    return [
      {
        what: 'start of everything to a Ready node',
        unit: 'ms',
        better: 'less',
        slipway: median(starts),
        ...(withPeer
          ? { peer: median(peerStarts), peerName: 'etcd, kube-apiserver and kube-scheduler alone, no node' }
          : {}),
      },
      {
        what: 'pod, create to Running seen by a watcher',
        unit: 'ms',
        better: 'less',
        slipway: start,
        peer: await rawStartMs(socket),
        peerName: 'raw CRI calls by hand',
      },
      ...(await memoryRows(cluster, client)),
    ];
  } finally {
    await cluster.remove();
  }
}
