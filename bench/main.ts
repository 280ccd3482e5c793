// npm run bench [-- --peers] [--only PARTS]: prints a table; each row beside the real Kubernetes 1.36 in the same run with --peers.
import { parseArgs } from 'node:util';
import { apiRows } from './api.ts';
import { bandwidthRows } from './bandwidth.ts';
import { clusterIpRows } from './cluster-ip.ts';
import { dnsRows } from './dns.ts';
import { failoverRow } from './failover.ts';
import { functionRows } from './functions.ts';
import { markdown, type Row } from './measure.ts';
import { nodeRows } from './nodes.ts';
import { rolloutRow } from './rollout.ts';
import { schedulerRow } from './scheduler.ts';
import { serviceRows } from './services.ts';
import { simulatedRows } from './simulated.ts';
import { startReal, startSlipway } from './targets.ts';

const slipwayPort = 18443;
const peerPort = 19443;

const { values: options } = parseArgs({
  options: { peers: { type: 'boolean', default: false }, only: { type: 'string', default: '' } },
});
const wanted = (part: string) => !options.only || options.only.split(',').includes(part);
const rows: Row[] = [];

/** Nodes and pods of each scheduler run. */
const scales = [
  [1000, 3000],
  [5000, 5000],
] as const;
const realPort = options.peers ? peerPort : undefined;

try {
  if (wanted('functions')) rows.push(...(await functionRows()));
  if (wanted('api')) {
    const slipway = await startSlipway(slipwayPort);
    const peer = options.peers ? await startReal(peerPort) : undefined;
    try {
      rows.push(...(await apiRows(slipway, peer, peer && `127.0.0.1:${peerPort + 1}`)));
    } finally {
      await slipway.stop();
      await peer?.stop();
    }
  }
  if (wanted('scheduler')) {
    for (const [nodes, pods] of scales) {
      const slipway = await startSlipway(slipwayPort);
      const peer = options.peers ? await startReal(peerPort, { scheduler: true }) : undefined;
      try {
        rows.push(await schedulerRow(nodes, pods, slipway, peer));
      } finally {
        await slipway.stop();
        await peer?.stop();
      }
    }
  }
  if (wanted('nodes')) rows.push(...(await nodeRows(realPort)));
  if (wanted('simulated')) rows.push(...(await simulatedRows(realPort)));
  if (wanted('rollout')) rows.push(await rolloutRow(realPort));
  if (wanted('failover')) rows.push(await failoverRow());
  if (wanted('cluster-ip')) rows.push(...(await clusterIpRows()));
  if (wanted('bandwidth')) rows.push(...(await bandwidthRows()));
  if (wanted('services')) rows.push(...(await serviceRows()));
  if (wanted('dns')) rows.push(...(await dnsRows(options.peers)));
} finally {
  // what was measured before something failed is worth reading too
  console.log(markdown(rows));
}
