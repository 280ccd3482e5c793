// What a cluster consists of.
import { join } from 'node:path';
import { addressPlan } from '../network/addresses.ts';
import type { Network } from '../network/topology.ts';
import { registryPart } from '../registry/registry.ts';
import { type ClusterPaths, nodePaths } from '../state/paths.ts';
import type { ProcessTable } from '../state/processes.ts';
import { type ClusterSpec, type NodeSpec, readIfThere, writeFileAtomic } from '../state/spec.ts';

export const controlPlanePart = 'control-plane';
/** One process for all simulated nodes: they share nothing that could be told apart, and each would cost a hundred megabytes. */
export const simulatedPart = 'simulated-nodes';
export const containerdPart = (node: NodeSpec): string => `${node.name}/containerd`;
export const agentPart = (spec: ClusterSpec, node: NodeSpec): string =>
  spec.runtime === 'simulated' ? simulatedPart : `${node.name}/agent`;

export const runningNodes = (spec: ClusterSpec): NodeSpec[] => spec.nodes.filter((node) => !node.stopped);

/** Every process, as the process table names it. */
export const partsOf = (spec: ClusterSpec): string[] => [
  controlPlanePart,
  ...(spec.registry ? [registryPart] : []),
  ...(spec.runtime === 'simulated'
    ? [simulatedPart]
    : runningNodes(spec).flatMap((node) => [containerdPart(node), agentPart(spec, node)])),
];

const simulatedFile = (paths: ClusterPaths): string => join(paths.dir, simulatedPart);
const simulatedNames = (spec: ClusterSpec): string =>
  runningNodes(spec)
    .map((node) => node.name)
    .join('\n');

/** Remembers which nodes the process of the simulated ones was started with. */
export const noteSimulated = (paths: ClusterPaths, spec: ClusterSpec): void =>
  writeFileAtomic(simulatedFile(paths), simulatedNames(spec));

/** Whether that process has the nodes that the cluster is to have. */
export const simulatedAreCurrent = (paths: ClusterPaths, spec: ClusterSpec): boolean =>
  readIfThere(simulatedFile(paths)) === simulatedNames(spec);

/** Nothing has to be started, or ended. */
export const allUp = (paths: ClusterPaths, spec: ClusterSpec, table: ProcessTable): boolean =>
  partsOf(spec).every((part) => table.alive(part)) &&
  (spec.registry || !table.get(registryPart)) &&
  (spec.runtime === 'containerd' || simulatedAreCurrent(paths, spec));

export const networkOf = (paths: ClusterPaths, spec: ClusterSpec): Network => ({
  plan: addressPlan(spec.index),
  fabric: `${paths.id}.fabric`,
  nodes: runningNodes(spec).map((node) => ({
    number: node.number,
    namespace: nodePaths(paths, node.name).namespace,
  })),
  egress: spec.egress,
});
