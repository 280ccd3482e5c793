// Rows about a machine with real containers: start to a Ready node, a pod from create to Running as a watcher sees it (beside
// kubelet, and beside the raw CRI calls by hand on the same containerd), and memory with 100 pods. Needs root, as the nodes do.
import { type Api, connect } from './http.ts';
import { inTurns, perSecond, type Row, residentMiB } from './measure.ts';
import { createPod, isRunning, podStartMs, rest, seen, untilPodsAreAdmitted } from './pods.ts';
import { type RawCri, rawCri } from './raw-cri.ts';
import { type NodeTarget, startRealNode, startSlipwayNodes } from './targets.ts';

const starts = 15;
/** So that the end of one pod does not weigh on the start of the next. */
const betweenMs = 500;
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

/** One pod after the other: medians of each side. Their first pods are not counted: a node finds out which images it has. */
async function podStarts(sides: readonly ((name: string) => Promise<number>)[]): Promise<number[]> {
  for (const side of sides) await side('first');
  let serial = 0;
  const takes = sides.map((side) => async () => {
    const took = await side(`start-${serial++}`);
    await rest(betweenMs);
    return took;
  });
  return await inTurns(starts, takes);
}

interface Crowd {
  seconds: number;
  controlPlane: number;
  agent: number;
}

async function crowd(target: NodeTarget, api: Api): Promise<Crowd> {
  const many = await seen(api, manyPods, isRunning);
  const began = performance.now();
  await perSecond(manyPods, clients, async (index) => void (await createPod(api, `many-${index}`)));
  await many.all;
  const seconds = (performance.now() - began) / 1000;
  many.stop();
  await rest(restMs);
  return { seconds, controlPlane: residentMiB(target.pids), agent: residentMiB([target.agent.pid]) };
}

interface Figures extends Crowd {
  podStart: number;
}

/** `raw`: takes turns with the pods. Returns its figure behind the target's. */
async function measure(target: NodeTarget, raw?: RawCri): Promise<[Figures, number | undefined]> {
  const api = connect(target, clients + 1);
  await untilPodsAreAdmitted(api);
  const sides = [(name: string) => podStartMs(api, name), ...(raw ? [(name: string) => raw.podStartMs(name)] : [])];
  const [podStart, byHand] = await podStarts(sides);
  const figures = { podStart: podStart!, ...(await crowd(target, api)) };
  api.close();
  return [figures, byHand];
}

/** With a new cluster of one node, and its containerd. */
async function onNode<T>(work: (slipway: NodeTarget, raw: RawCri) => Promise<T>): Promise<T> {
  const slipway = await startSlipwayNodes('containerd');
  const raw = rawCri(slipway.socket, slipway.agent.pid);
  try {
    return await work(slipway, raw);
  } finally {
    raw.close();
    await slipway.stop();
  }
}

/** `realPort`: also measure the real ones, at this port. */
export async function nodeRows(realPort?: number): Promise<Row[]> {
  const [readyMs, realReadyMs] = await inTurns(startRuns, [
    () => startMs(() => startSlipwayNodes('containerd')),
    ...(realPort ? [() => startMs(() => startRealNode(realPort))] : []),
  ]);
  const crowdByHand = await onNode((_, raw) => raw.crowdSeconds(manyPods, clients));
  const [ours, raw] = await onNode(measure);
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
  const atOnce = `${manyPods} pods created at once, to all Running`;
  const crowded = `with ${manyPods} real pods`;
  return [
    row('start of everything to a Ready node', 'ms', readyMs!, realReadyMs, all),
    row(started, 'ms', ours.podStart, theirs?.podStart, all),
    row(started, 'ms', ours.podStart, raw, 'raw CRI calls by hand'),
    row(atOnce, 's', ours.seconds, theirs?.seconds, all),
    row(atOnce, 's', ours.seconds, crowdByHand, `raw CRI calls by hand, ${clients} pods at a time`),
    row(`memory of the control plane ${crowded}`, 'MiB', ours.controlPlane, theirs?.controlPlane, 'the real four'),
    row(`memory of the agent ${crowded}`, 'MiB', ours.agent, theirs?.agent, 'kubelet'),
  ];
}

async function measureReal(port: number): Promise<Figures> {
  const real = await startRealNode(port);
  try {
    await real.loadImages();
    return (await measure(real))[0];
  } finally {
    await real.stop();
  }
}
