// Rows about a machine with real containers: start to a Ready node, a pod from create to Running as a watcher sees it (beside
// kubelet, and beside the raw CRI calls by hand on the same containerd), and memory with 100 pods. Needs root, as the nodes do.
import { type Api, connect } from './http.ts';
import { median, perSecond, type Row, residentMiB } from './measure.ts';
import { createPod, isRunning, podStartMs, rest, seen, untilPodsAreAdmitted } from './pods.ts';
import { rawStartMs } from './raw-cri.ts';
import { type NodeTarget, startRealNode, startSlipwayNodes } from './targets.ts';

const podStarts = 15;
const manyPods = 100;
const clients = 16;
const startRuns = 3;
/** Before memory is read, so that garbage of the rush is gone on both sides. */
const restMs = 10_000;

/** Milliseconds until a new cluster has a Ready node. */
async function startMs(start: () => Promise<NodeTarget>): Promise<number> {
  const began = performance.now();
  const target = await start();
  const took = performance.now() - began;
  await target.stop();
  return took;
}

interface Figures {
  podStart: number;
  manySeconds: number;
  controlPlane: number;
  agent: number;
}

async function crowd(target: NodeTarget, api: Api): Promise<Omit<Figures, 'podStart'>> {
  const many = await seen(api, manyPods, isRunning);
  const began = performance.now();
  await perSecond(manyPods, clients, async (index) => void (await createPod(api, `many-${index}`)));
  await many.all;
  const manySeconds = (performance.now() - began) / 1000;
  many.stop();
  await rest(restMs);
  return { manySeconds, controlPlane: residentMiB(target.pids), agent: residentMiB([target.agent.pid]) };
}

async function measure(target: NodeTarget): Promise<Figures> {
  const api = connect(target, clients + 1);
  await untilPodsAreAdmitted(api);
  const podStart = await podStartMs(api, podStarts);
  const figures = { podStart, ...(await crowd(target, api)) };
  api.close();
  return figures;
}

/** `realPort`: also measure the real ones, at this port. */
export async function nodeRows(realPort?: number): Promise<Row[]> {
  const starts: number[] = [];
  const realStarts: number[] = [];
  for (let run = 0; run < startRuns; run++) {
    starts.push(await startMs(() => startSlipwayNodes('containerd')));
    if (realPort) realStarts.push(await startMs(() => startRealNode(realPort)));
  }
  const slipway = await startSlipwayNodes('containerd');
  let ours: Figures;
  let raw: number;
  try {
    raw = await rawStartMs(slipway.socket, podStarts);
    ours = await measure(slipway);
  } finally {
    await slipway.stop();
  }
  const theirs = realPort ? await measureReal(realPort) : undefined;
  const row = (what: string, unit: string, value: number, peer: number | undefined, peerName: string): Row => ({
    what,
    unit,
    better: 'less',
    slipway: value,
    ...(peer === undefined ? {} : { peer, peerName }),
  });
  const all = 'etcd, the real four and kubelet';
  const started = 'pod, create to Running seen by a watcher';
  const crowded = `with ${manyPods} real pods`;
  const realStart = realStarts.length > 0 ? median(realStarts) : undefined;
  return [
    row('start of everything to a Ready node', 'ms', median(starts), realStart, all),
    row(started, 'ms', ours.podStart, theirs?.podStart, all),
    row(started, 'ms', ours.podStart, raw, 'raw CRI calls by hand'),
    row(`${manyPods} pods created at once, to all Running`, 's', ours.manySeconds, theirs?.manySeconds, all),
    row(`memory of the control plane ${crowded}`, 'MiB', ours.controlPlane, theirs?.controlPlane, 'the real four'),
    row(`memory of the agent ${crowded}`, 'MiB', ours.agent, theirs?.agent, 'kubelet'),
  ];
}

async function measureReal(port: number): Promise<Figures> {
  const real = await startRealNode(port);
  try {
    await real.loadImages();
    return await measure(real);
  } finally {
    await real.stop();
  }
}
