// Waits until nodes are Ready, as the API shows them.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Node } from '../../core/api/types.gen.ts';
import type { Client } from '../../core/client/client.ts';
import { resources } from '../../core/client/resources.ts';
import { Failure, tail } from '../failure.ts';
import type { ClusterPaths } from '../state/paths.ts';
import { logFile, readIfThere } from '../state/spec.ts';

export const isReady = (node: Node): boolean =>
  node.status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false;

export interface ReadyWait {
  signal: AbortSignal;
  /** Whether this node's agent still runs. */
  alive: (node: string) => boolean;
  paths: ClusterPaths;
  withinMs?: number;
}

const pollMs = 20;

/** Throws Failure, with the end of the agent's log, when an agent dies or a node is not Ready in time. */
export async function untilNodesReady(
  client: Client,
  names: readonly string[],
  { signal, alive, paths, withinMs = 60_000 }: ReadyWait,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    signal.throwIfAborted();
    const { items } = await client.list<Node>(resources.nodes);
    const waiting = names.filter((name) => !items.some((node) => node.metadata?.name === name && isReady(node)));
    if (waiting.length === 0) return;
    const dead = waiting.find((name) => !alive(name));
    const late = performance.now() > deadline ? waiting[0] : undefined;
    const failed = dead ?? late;
    if (failed !== undefined) {
      const log = logFile(paths, `${failed}/agent`);
      const what = dead
        ? `the agent of node ${failed} ended`
        : `node ${failed} is not Ready after ${withinMs / 1000} s`;
      throw new Failure(
        `${what}; the end of ${log}:\n${tail(readIfThere(log) ?? '')}`,
        `slipway logs ${failed}/agent shows more`,
      );
    }
    await sleep(pollMs);
  }
}
