// Rows about 1,000 pods whose containers are pretended. Slipway: as `slipway up --runtime simulated` runs them. The real four:
// nodes that exist in the API only, whose pods this program reports Running as soon as they are bound, as kubelet would.
import { type Api, connect, type Target } from './http.ts';
import { perSecond, type Row, residentMiB } from './measure.ts';
import { createPod, isRunning, podsPath, rest, type SeenPod, seen, untilPodsAreAdmitted, watchPods } from './pods.ts';
import { addNode } from './scheduler.ts';
import { startReal, startSlipwayNodes } from './targets.ts';

const nodeCount = 10;
const podCount = 1000;
const clients = 16;
/** Before memory is read, so that garbage of the rush is gone on both sides. */
const restMs = 10_000;

async function fill(api: Api): Promise<void> {
  const everyone = await seen(api, podCount, isRunning);
  await perSecond(podCount, clients, async (index) => void (await createPod(api, `simulated-${index}`)));
  await everyone.all;
  everyone.stop();
  await rest(restMs);
}

const runningStatus = (number: number): string => {
  const now = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
  const condition = (type: string) => ({ type, status: 'True', lastProbeTime: null, lastTransitionTime: now });
  return JSON.stringify({
    status: {
      phase: 'Running',
      hostIP: '10.0.0.2',
      podIP: `10.1.${number >> 8}.${number & 255}`,
      podIPs: [{ ip: `10.1.${number >> 8}.${number & 255}` }],
      startTime: now,
      conditions: ['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady'].map(condition),
      containerStatuses: [
        {
          name: 'main',
          image: 'docker.io/slipway/sample:1',
          imageID: `sha256:${'a'.repeat(64)}`,
          containerID: `containerd://${number.toString(16).padStart(64, '0')}`,
          ready: true,
          started: true,
          restartCount: 0,
          state: { running: { startedAt: now } },
        },
      ],
    },
  });
};

/** Reports bound pods Running; `failed` rejects when one cannot be. */
async function pretendKubelets(target: Target): Promise<{ failed: Promise<never>; stop: () => void }> {
  const { promise: failed, reject } = Promise.withResolvers<never>();
  const api = connect(target, clients + 1);
  const reported = new Set<string>();
  const report = async ({ metadata: { name } }: SeenPod): Promise<void> => {
    const type = 'application/strategic-merge-patch+json';
    const { status, text } = await api.call('PATCH', `${podsPath}/${name}/status`, runningStatus(reported.size), type);
    if (status !== 200) throw new Error(`status of ${name}: ${status} ${text.slice(0, 300)}`);
  };
  const stop = await watchPods(api, (pod) => {
    if (!pod.spec.nodeName || reported.has(pod.metadata.name)) return;
    reported.add(pod.metadata.name);
    report(pod).catch(reject);
  });
  return {
    failed,
    stop: () => {
      stop();
      api.close();
    },
  };
}

async function realMiB(port: number): Promise<number> {
  const real = await startReal(port, { scheduler: true, controllerManager: true });
  const api = connect(real, clients + 1);
  try {
    await untilPodsAreAdmitted(api);
    await perSecond(nodeCount, clients, (index) => addNode(api, `node-${index}`));
    const kubelets = await pretendKubelets(real);
    await Promise.race([fill(api), kubelets.failed]);
    kubelets.stop();
    return residentMiB(real.pids);
  } finally {
    api.close();
    await real.stop();
  }
}

/** `realPort`: also measure the real ones, at this port. */
export async function simulatedRows(realPort?: number): Promise<Row[]> {
  // The first start after a change of the code strips its types, and keeps the 12 MiB that this takes; later ones find it done.
  await (await startSlipwayNodes('simulated', nodeCount)).stop();
  const slipway = await startSlipwayNodes('simulated', nodeCount);
  let controlPlane: number;
  let agent: number;
  const api = connect(slipway, clients + 1);
  try {
    await fill(api);
    controlPlane = residentMiB(slipway.pids);
    agent = residentMiB([slipway.agent.pid]);
  } finally {
    api.close();
    await slipway.stop();
  }
  const peer = realPort ? { peer: await realMiB(realPort), peerName: 'the real four' } : {};
  const pods = `with ${podCount} simulated pods`;
  return [
    { what: `memory of the control plane ${pods}`, unit: 'MiB', better: 'less', slipway: controlPlane, ...peer },
    { what: `memory of the agent of ${nodeCount} nodes ${pods}`, unit: 'MiB', better: 'less', slipway: agent },
  ];
}
