// A row about a node that loses its power: until its pods run elsewhere, with the settings that docs/using.md gives. Needs root.
import { createDeployment, readyPods, rolledOut, until } from './deployments.ts';
import { connect } from './http.ts';
import { median, type Row } from './measure.ts';
import { untilPodsAreAdmitted } from './pods.ts';
import { startSlipwayNodes } from './targets.ts';

const nodes = 3;
const replicas = 30;
const graceSeconds = 10;
const tolerationSeconds = 5;

export async function failoverRow(): Promise<Row> {
  const flags = [
    ['--node-monitor-grace-period', `${graceSeconds}s`],
    ['--default-unreachable-toleration-seconds', String(tolerationSeconds)],
    ['--default-not-ready-toleration-seconds', String(tolerationSeconds)],
  ].flat();
  const target = await startSlipwayNodes('containerd', nodes, flags);
  const api = connect(target, 4);
  const switchNode = async (verb: 'stop' | 'start', node: string): Promise<void> => {
    const { code, stderr } = await target.cluster.slipway('node', verb, node);
    if (code !== 0) throw new Error(`slipway node ${verb} ${node}: ${stderr}`);
  };
  const took: number[] = [];
  try {
    await untilPodsAreAdmitted(api);
    for (let number = 1; number <= nodes; number++) {
      const app = `failover-${number}`;
      const node = target.cluster.node(number);
      await createDeployment(api, app, replicas);
      await rolledOut(api, app, replicas);
      const began = performance.now();
      await switchNode('stop', node);
      await until(`${app} runs elsewhere`, async () => {
        const elsewhere = (await readyPods(api, app)).filter((pod) => pod.node !== node);
        return elsewhere.length === replicas ? true : undefined;
      });
      took.push((performance.now() - began) / 1000);
      await switchNode('start', node);
    }
  } finally {
    api.close();
    await target.stop();
  }
  const settings = `${graceSeconds} s of silence and ${tolerationSeconds} s of toleration in it`;
  return {
    what: `node of three killed, to its pods running elsewhere (${settings})`,
    unit: 's',
    better: 'less',
    slipway: median(took),
  };
}
