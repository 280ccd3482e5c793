// A row about a rolling update of 50 real pods on one node, beside the real Kubernetes with kubelet. Needs root.
import { createDeployment, restart, rolledOut } from './deployments.ts';
import { connect } from './http.ts';
import { median, type Row } from './measure.ts';
import { untilPodsAreAdmitted } from './pods.ts';
import { type NodeTarget, startRealNode, startSlipwayNodes } from './targets.ts';

const replicas = 50;
const runs = 3;

async function seconds(target: NodeTarget): Promise<number> {
  const api = connect(target, 4);
  try {
    await untilPodsAreAdmitted(api);
    await createDeployment(api, 'rolling', replicas);
    await rolledOut(api, 'rolling', replicas);
    const took: number[] = [];
    for (let run = 0; run < runs; run++) {
      const began = performance.now();
      await restart(api, 'rolling', String(run));
      await rolledOut(api, 'rolling', replicas);
      took.push((performance.now() - began) / 1000);
    }
    return median(took);
  } finally {
    api.close();
  }
}

async function realSeconds(port: number): Promise<number> {
  const real = await startRealNode(port);
  try {
    await real.loadImages();
    return await seconds(real);
  } finally {
    await real.stop();
  }
}

/** `realPort`: also measure the real ones, at this port. */
export async function rolloutRow(realPort?: number): Promise<Row> {
  const target = await startSlipwayNodes('containerd');
  let slipway: number;
  try {
    slipway = await seconds(target);
  } finally {
    await target.stop();
  }
  const peer = realPort ? { peer: await realSeconds(realPort), peerName: 'etcd, the real four and kubelet' } : {};
  return { what: `rolling update of ${replicas} pods on one node`, unit: 's', better: 'less', slipway, ...peer };
}
