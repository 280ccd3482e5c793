// Nodes of a running cluster, one at a time: off, on, out.
import { rmSync } from 'node:fs';
import { isStatus } from '../../core/api/errors.ts';
import { resources } from '../../core/client/resources.ts';
import { Failure } from '../failure.ts';
import { removeNode } from '../network/network.ts';
import { removeCgroup } from '../remains/cgroups.ts';
import { endContainers, forgetContainers } from '../remains/containers.ts';
import { unmountBelow } from '../remains/mounts.ts';
import { lock } from '../state/lock.ts';
import { type ClusterPaths, nodePaths } from '../state/paths.ts';
import { ProcessTable, terminate } from '../state/processes.ts';
import { readReady } from '../state/ready-file.ts';
import { type ClusterSpec, type NodeSpec, readSpec, writeSpec } from '../state/spec.ts';
import { adminClient } from './admin.ts';
import { controlPlaneFiles } from './control-plane-part.ts';
import { forgetNode } from './node-part.ts';
import { agentPart, containerdPart, networkOf } from './parts.ts';

function find(paths: ClusterPaths, name: string): { spec: ClusterSpec; node: NodeSpec } {
  const spec = readSpec(paths);
  if (!spec) throw new Failure(`there is no cluster "${paths.name}"`, 'slipway up');
  const node = spec.nodes.find((candidate) => candidate.name === name);
  if (!node)
    throw new Failure(
      `cluster "${paths.name}" has no node "${name}"`,
      `its nodes: ${spec.nodes.map((other) => other.name).join(', ')}`,
    );
  return { spec, node };
}

/** A cluster or node that is none is told before a folder is made for the lock. */
function lockFor(paths: ClusterPaths, name: string): () => void {
  find(paths, name);
  return lock(paths);
}

/** As a power cut would: no drain, no grace. The Node object stays and turns NotReady when its lease runs out. */
export async function stopNode(paths: ClusterPaths, name: string): Promise<void> {
  const unlock = lockFor(paths, name);
  try {
    const { spec, node } = find(paths, name);
    if (node.stopped) throw new Failure(`node ${name} is stopped already`, `slipway node start ${name}`);
    await switchOff(paths, spec, node);
    writeSpec(paths, {
      ...spec,
      nodes: spec.nodes.map((other) => (other === node ? { ...node, stopped: true } : other)),
    });
  } finally {
    unlock();
  }
}

async function switchOff(paths: ClusterPaths, spec: ClusterSpec, node: NodeSpec): Promise<void> {
  if (spec.runtime === 'simulated') return; // its process goes on with the others at the next `up`
  const table = new ProcessTable(paths.processes);
  const own = nodePaths(paths, node.name);
  const end = async (part: string): Promise<void> => {
    const ref = table.get(part);
    if (ref) await terminate([ref], 2000);
    table.delete(part);
  };
  await end(agentPart(spec, node));
  const tasks = await endContainers([own], 0);
  await end(containerdPart(node));
  await unmountBelow([own.run, own.dir]);
  await removeNode(networkOf(paths, spec), { number: node.number, namespace: own.namespace });
  removeCgroup(own.cgroup);
  forgetContainers(tasks);
  rmSync(own.run, { recursive: true, force: true });
}

/** Marks it to be started; `up` does the rest. */
export function markStarted(paths: ClusterPaths, name: string): void {
  const unlock = lockFor(paths, name);
  try {
    const { spec, node } = find(paths, name);
    if (!node.stopped) throw new Failure(`node ${name} is not stopped`);
    writeSpec(paths, {
      ...spec,
      nodes: spec.nodes.map((other) => (other === node ? { name: node.name, number: node.number } : other)),
    });
  } finally {
    unlock();
  }
}

/** For good: its containers, its data and its Node object. The last node stays. */
export async function removeNodeForGood(paths: ClusterPaths, name: string): Promise<void> {
  const unlock = lockFor(paths, name);
  try {
    const { spec, node } = find(paths, name);
    if (spec.nodes.length === 1)
      throw new Failure(`${name} is the only node of the cluster`, 'slipway down --purge removes the cluster');
    const ready = readReady(controlPlaneFiles(paths).ready);
    if (!ready) throw new Failure(`cluster "${paths.name}" is not running`, 'slipway up');
    if (!node.stopped) await switchOff(paths, spec, node);
    await adminClient(ready)
      .delete(resources.nodes, { name })
      .catch((error: unknown) => {
        if (!isStatus(error, 'NotFound')) throw error;
      });
    forgetNode(paths, node);
    writeSpec(paths, { ...spec, nodes: spec.nodes.filter((other) => other !== node) });
  } finally {
    unlock();
  }
}
