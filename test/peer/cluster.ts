// A whole real Kubernetes of one node, for comparisons: etcd, kube-apiserver, controller manager and scheduler on this machine,
// kubelet and a containerd of its own in a network namespace, configured as Slipway's nodes are. Needs root, as they do.
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isNodeReady } from '../../core/api/node-ready.ts';
import type { Node } from '../../core/api/types.gen.ts';
import { agentPart, containerdPart, networkOf } from '../../local/cluster/parts.ts';
import { powerOff } from '../../local/cluster/power-off.ts';
import { importImages, startContainerd, untilServing } from '../../local/containerd/containerd.ts';
import { preparedImages } from '../../local/images/prepared.ts';
import { type AddressPlan, choosePlan, firstPlan, nodeAddress, podRange } from '../../local/network/addresses.ts';
import { machineRoutes, makeNetwork } from '../../local/network/network.ts';
import { type ClusterPaths, clusterPaths, nodePaths } from '../../local/state/paths.ts';
import { isAlive, ProcessTable } from '../../local/state/processes.ts';
import { type ClusterSpec, dataVersion, logFile } from '../../local/state/spec.ts';
import { type Peer, peerGet, startPeer } from './control-plane.ts';
import { keepFixedPlaces, keepTunables, startKubelet } from './kubelet.ts';

export interface PeerCluster {
  baseUrl: string;
  /** etcd, kube-apiserver, kube-controller-manager, kube-scheduler. */
  controlPlane: number[];
  kubelet: number;
  /** Imports the pause image and the sample image, as `slipway up` does for its nodes. */
  loadImages(): Promise<void>;
  stop(): Promise<void>;
}

const nodeName = 'peer-1';
const nodeToken = 'peer-node-token';
const readyWithinMs = 60_000;
const pollMs = 15;

/** Ready as the API shows it. Etcd syncs to disk. `port`: as startPeer takes it. */
export async function startPeerCluster(port: number): Promise<PeerCluster> {
  const home = mkdtempSync(join(tmpdir(), 'slipway-peer-'));
  const name = `peer${randomBytes(3).toString('hex')}`;
  const paths = clusterPaths(name, { SLIPWAY_HOME: home });
  const plan = choosePlan({ routes: await machineRoutes(), taken: [], from: firstPlan(name, '') });
  const spec: ClusterSpec = {
    dataVersion,
    name,
    index: plan.index,
    runtime: 'containerd',
    port,
    egress: true, // kubelet wants a default route; nothing is opened for it
    nodes: [{ name: nodeName, number: 1 }],
    kubeconfig: join(home, 'kubeconfig'),
  };
  const restoreTunables = keepTunables();
  const clearFixedPlaces = keepFixedPlaces(paths);
  let controlPlane: Promise<Peer> | undefined;
  const stop = async () => {
    // it may still be coming up; if it failed to, it has ended its processes itself
    await controlPlane?.then((peer) => peer.stop()).catch(() => {});
    await powerOff(paths, spec, 0);
    clearFixedPlaces();
    restoreTunables();
    rmSync(home, { recursive: true, force: true });
  };
  try {
    mkdirSync(paths.run, { recursive: true, mode: 0o711 });
    mkdirSync(paths.logs, { recursive: true, mode: 0o700 });
    await makeNetwork(networkOf(paths, spec));
    const node = nodePaths(paths, nodeName);
    controlPlane = controlPlaneAt(plan, port);
    const [peer] = await Promise.all([controlPlane, containerd(paths, spec, plan)]);
    const address = nodeAddress(plan, 1);
    const kubelet = startKubelet(paths, node, { server: peer.baseUrl, token: nodeToken, address });
    new ProcessTable(paths.processes).set(agentPart(spec, spec.nodes[0]!), kubelet);
    await untilReady(peer.baseUrl, logFile(paths, `${nodeName}/kubelet`), () => isAlive(kubelet));
    const loadImages = async () => {
      for (const archive of await preparedImages(console.error)) await importImages(node, archive);
    };
    return { baseUrl: peer.baseUrl, controlPlane: Object.values(peer.pids), kubelet: kubelet.pid, loadImages, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

const controlPlaneAt = (plan: AddressPlan, port: number): Promise<Peer> =>
  startPeer({
    port,
    host: plan.gateway,
    durable: true,
    scheduler: true,
    controllerManager: true,
    tokens: [`${nodeToken},system:node:${nodeName},${nodeName},system:nodes`],
  });

async function containerd(paths: ClusterPaths, spec: ClusterSpec, plan: AddressPlan): Promise<void> {
  const node = nodePaths(paths, nodeName);
  const ref = startContainerd(paths, node, plan, podRange(plan, 1));
  new ProcessTable(paths.processes).set(containerdPart(spec.nodes[0]!), ref);
  await untilServing(paths, node, ref, new AbortController().signal);
}

async function untilReady(baseUrl: string, log: string, alive: () => boolean): Promise<void> {
  const giveUp = performance.now() + readyWithinMs;
  for (;;) {
    const { status, text } = await peerGet(`${baseUrl}/api/v1/nodes/${nodeName}`);
    if (status === 200 && isNodeReady(JSON.parse(text) as Node)) return;
    if (!alive() || performance.now() > giveUp)
      throw new Error(`the real node did not become Ready; its log is ${log}`);
    await sleep(pollMs);
  }
}
