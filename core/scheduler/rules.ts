// The rules in force, in the order that kube-scheduler runs them, with its default weights.
import type { DynamicFilter, LoadFilter, StaticFilter } from './filters/filter.ts';
import { interPodAffinity } from './filters/inter-pod-affinity.ts';
import { nodeAffinity } from './filters/node-affinity.ts';
import { nodeName } from './filters/node-name.ts';
import { nodePorts } from './filters/node-ports.ts';
import { nodeResources } from './filters/node-resources.ts';
import { nodeUnschedulable } from './filters/node-unschedulable.ts';
import { taintToleration } from './filters/taint-toleration.ts';
import { topologySpread } from './filters/topology-spread.ts';
import { volumeBinding } from './filters/volume-binding.ts';
import { balancedAllocation } from './scores/balanced-allocation.ts';
import { imageLocality } from './scores/image-locality.ts';
import { interPodAffinityPreference } from './scores/inter-pod-affinity.ts';
import { leastAllocated } from './scores/least-allocated.ts';
import { nodeAffinityPreference } from './scores/node-affinity.ts';
import type { DynamicScore, LoadScore, StaticScore } from './scores/score.ts';
import { taintPreference } from './scores/taint-toleration.ts';
import { topologySpreadPreference } from './scores/topology-spread.ts';

export const staticFilters: readonly StaticFilter[] = [nodeUnschedulable, nodeName, taintToleration, nodeAffinity];
export const dynamicFilters: readonly (DynamicFilter | LoadFilter)[] = [
  nodePorts,
  nodeResources,
  volumeBinding,
  topologySpread,
  interPodAffinity,
];
export const staticScores: readonly StaticScore[] = [taintPreference, nodeAffinityPreference, imageLocality];
export const loadScores: readonly LoadScore[] = [leastAllocated, balancedAllocation];
export const dynamicScores: readonly DynamicScore[] = [topologySpreadPreference, interPodAffinityPreference];
