// What a cluster consists of.
import { addressPlan } from '../network/addresses.ts';
import type { Network } from '../network/topology.ts';
import { type ClusterPaths, nodePaths } from '../state/paths.ts';
import type { ClusterSpec, NodeSpec } from '../state/spec.ts';

export const controlPlanePart = 'control-plane';
export const containerdPart = (node: NodeSpec): string => `${node.name}/containerd`;
export const agentPart = (node: NodeSpec): string => `${node.name}/agent`;

export const runningNodes = (spec: ClusterSpec): NodeSpec[] => spec.nodes.filter((node) => !node.stopped);

/** Every process, as the process table names it. */
export const partsOf = (spec: ClusterSpec): string[] => [
  controlPlanePart,
  ...runningNodes(spec).flatMap((node) =>
    spec.runtime === 'containerd' ? [containerdPart(node), agentPart(node)] : [agentPart(node)],
  ),
];

export const networkOf = (paths: ClusterPaths, spec: ClusterSpec): Network => ({
  plan: addressPlan(spec.index),
  fabric: `${paths.id}.fabric`,
  nodes: runningNodes(spec).map((node) => ({
    number: node.number,
    namespace: nodePaths(paths, node.name).namespace,
  })),
  egress: spec.egress,
});
