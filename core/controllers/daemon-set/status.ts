// What a daemon set's status says of its nodes and pods.
import type { DaemonSetStatus } from '../../api/types.gen.ts';
import { resources } from '../../client/resources.ts';
import type { Action } from '../controller.ts';
import { asObject } from '../owner.ts';
import { isReady } from '../pod-state.ts';
import { belongs, isUpdated } from './nodes.ts';
import { byAge, isAvailable, type Round } from './round.ts';

function statusAfter(round: Round): DaemonSetStatus {
  const { set, nodes } = round.observed;
  const status = { desiredNumberScheduled: 0, currentNumberScheduled: 0, numberMisscheduled: 0, numberReady: 0 };
  let updatedNumberScheduled = 0;
  let numberAvailable = 0;
  for (const node of nodes) {
    const pods = round.byNode.get(node.metadata.name) ?? [];
    if (!belongs(set, node).shouldRun) {
      if (pods.length > 0) status.numberMisscheduled++;
      continue;
    }
    status.desiredNumberScheduled++;
    const pod = [...pods].sort(byAge)[0];
    if (!pod) continue;
    status.currentNumberScheduled++;
    if (isReady(pod)) status.numberReady++;
    if (isAvailable(round, pod)) numberAvailable++;
    if (isUpdated(set, pod, round.hash)) updatedNumberScheduled++;
  }
  return {
    ...set.status,
    ...status,
    updatedNumberScheduled,
    numberAvailable,
    numberUnavailable: status.desiredNumberScheduled - numberAvailable,
    observedGeneration: set.metadata.generation,
  };
}

const counted = [
  'desiredNumberScheduled',
  'currentNumberScheduled',
  'numberMisscheduled',
  'numberReady',
  'updatedNumberScheduled',
  'numberAvailable',
  'numberUnavailable',
  'observedGeneration',
] as const;

/** Nothing when the status says so already. */
export function writeStatus(round: Round): Action[] {
  const { set } = round.observed;
  const status = statusAfter(round);
  if (counted.every((field) => (set.status?.[field] ?? 0) === (status[field] ?? 0))) return [];
  return [{ do: 'update', of: resources.daemonSets, object: asObject({ ...set, status }), subresource: 'status' }];
}
