// Rows about limits of bandwidth between pods of two nodes: what comes through, beside what the pod's annotation allows.
import type { ReadyPod } from './deployments.ts';
import { median, type Row } from './measure.ts';
import { peerPort, withPodPeers } from './pod-peers.ts';

const limitMbit = 100;
const runs = 3;
/** Two seconds' worth. */
const bytes = (limitMbit * 1e6 * 2) / 8;

export const bandwidthRows = (): Promise<Row[]> =>
  withPodPeers(async (peers) => {
    const free = await peers.pod('free');
    const limited = (direction: 'egress' | 'ingress', onNode: string): Promise<ReadyPod> => {
      const annotations = { [`kubernetes.io/${direction}-bandwidth`]: `${limitMbit}M` };
      return peers.pod(direction, { annotations, onNode });
    };
    const client = await peers.pod('client');
    if (free.node === client.node) throw new Error('both pods are on one node');
    const [sender, receiver] = [await limited('egress', free.node), await limited('ingress', client.node)];
    await Promise.all([peers.serve(free), peers.serve(sender)]);
    const [askFreely, askLimited] = [peers.asker(client), peers.asker(receiver)];
    const row = async (what: string, ask: (line: string) => Promise<number>, from: ReadyPod): Promise<Row> => {
      const figures: number[] = [];
      for (let run = 0; run < runs; run++) figures.push((await ask(`bits ${from.ip} ${peerPort} ${bytes}`)) / 1e6);
      return { what, unit: 'Mbit/s', better: 'less', slipway: median(figures) };
    };
    const limit = { peer: limitMbit, peerName: 'the limit' };
    return [
      { ...(await row('from a pod with an egress limit to another node', askFreely, sender)), ...limit },
      { ...(await row('to a pod with an ingress limit from another node', askLimited, free)), ...limit },
      { ...(await row('between nodes without a limit', askFreely, free)), better: 'more' },
    ];
  });
