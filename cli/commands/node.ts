// slipway node add | rm | stop | start
import { markStarted, removeNodeForGood, stopNode } from '../../local/cluster/node-changes.ts';
import { Failure } from '../../local/failure.ts';
import { terminalProgress } from '../../local/progress.ts';
import { clusterPaths } from '../../local/state/paths.ts';
import { readSpec } from '../../local/state/spec.ts';
import { needsRoot, runtimeOf } from '../as-root.ts';
import { upCommand } from './up.ts';

interface NodeOptions {
  name: string;
}

export async function addCommand(count: number, options: NodeOptions): Promise<void> {
  if (count < 1) throw new Failure('at least one node is to be added', undefined, 2);
  const paths = clusterPaths(options.name);
  if (await needsRoot(paths)) return;
  const spec = readSpec(paths);
  if (!spec) throw new Failure(`there is no cluster "${options.name}"`, 'slipway up');
  await upCommand({ name: options.name, nodes: spec.nodes.length + count, install: false });
}

export async function changeCommand(
  change: 'rm' | 'stop' | 'start',
  node: string,
  options: NodeOptions,
): Promise<void> {
  const paths = clusterPaths(options.name);
  if (await needsRoot(paths)) return;
  const progress = terminalProgress(process.stdout);
  if (change === 'stop') await progress.step(`stop node ${node}`, () => stopNode(paths, node));
  if (change === 'rm') await progress.step(`remove node ${node}`, () => removeNodeForGood(paths, node));
  if (change === 'start') markStarted(paths, node);
  // simulated nodes share a process, which has to begin anew without or with this one
  if (change === 'start' || runtimeOf(paths) === 'simulated') await upCommand({ name: options.name, install: false });
}
