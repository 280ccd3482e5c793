// Waits until nodes are Ready and take pods, as the API shows them.
import { setTimeout as sleep } from 'node:timers/promises';
import { isNodeReady } from '../../core/api/node-ready.ts';
import { nodeTaints } from '../../core/api/node-taints.ts';
import type { Lease, Node } from '../../core/api/types.gen.ts';
import type { Client } from '../../core/client/client.ts';
import { resources } from '../../core/client/resources.ts';
import { Failure, tail } from '../failure.ts';
import type { ClusterPaths } from '../state/paths.ts';
import { logFile, readIfThere } from '../state/spec.ts';

/** Until its controller has taken the taint off, the scheduler passes a Ready node over, and crowds the others. */
const takesPods = (node: Node): boolean =>
  isNodeReady(node) && !node.spec?.taints?.some(({ key }) => key === nodeTaints.notReady);

export interface ReadyWait {
  client: Client;
  signal: AbortSignal;
  /** `since`: its lease must have been renewed after that (milliseconds since 1970), or the condition is an old one. */
  nodes: readonly { name: string; part: string; since: number }[];
  /** Whether the process still runs that is the node's agent. */
  alive: (part: string) => boolean;
  paths: ClusterPaths;
  withinMs?: number;
}

const pollMs = 15;

/** Throws Failure, with the end of the agent's log, when an agent dies, which is seen at once, or a node is not Ready in time. */
export async function untilNodesReady({
  client,
  signal,
  nodes,
  alive,
  paths,
  withinMs = 180_000,
}: ReadyWait): Promise<void> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    signal.throwIfAborted();
    const waiting = await notReady(client, nodes);
    const first = waiting[0];
    if (first === undefined) return;
    const dead = waiting.find((node) => !alive(node.part));
    if (dead !== undefined || performance.now() > deadline) {
      const failed = dead ?? first;
      const log = logFile(paths, failed.part);
      const what = dead
        ? `the agent of node ${failed.name} ended`
        : `node ${failed.name} is not Ready after ${withinMs / 1000} s`;
      throw new Failure(
        `${what}; the end of ${log}:\n${tail(readIfThere(log) ?? '')}`,
        `slipway logs ${failed.part} shows more`,
      );
    }
    await sleep(pollMs);
  }
}

async function notReady(client: Client, nodes: ReadyWait['nodes']): Promise<ReadyWait['nodes']> {
  const [known, leases] = await Promise.all([
    client.list<Node>(resources.nodes),
    client.list<Lease>(resources.leases, { namespace: 'kube-node-lease' }),
  ]);
  const renewed = (name: string): number => {
    const lease = leases.items.find((candidate) => candidate.metadata?.name === name);
    return Date.parse(lease?.spec?.renewTime ?? '') || 0;
  };
  const fresh = ({ name, since }: { name: string; since: number }): boolean =>
    known.items.some((node) => node.metadata?.name === name && takesPods(node)) &&
    (since === 0 || renewed(name) >= since);
  return nodes.filter((node) => !fresh(node));
}
