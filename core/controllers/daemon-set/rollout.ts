// An update, node by node: old pods go first (maxUnavailable), or new ones come first (maxSurge).
// Follows https://kubernetes.io/docs/tasks/manage-daemon/update-daemon-set/
import { isDeleting } from '../owner.ts';
import type { StoredPod } from '../pod-state.ts';
import { belongs, isUpdated } from './nodes.ts';
import { doom, isAvailable, type Round, rollingUpdate, share, surgeOf } from './round.ts';

interface OnNode {
  node: string;
  fresh: StoredPod | undefined;
  old: StoredPod | undefined;
}

/**
 * The old and the new pod of each node, by name, so that all who look at the same pods begin with the same nodes. A node with two
 * of a kind is in motion and left alone.
 */
function pairs(round: Round): { settled: OnNode[]; inMotion: number } {
  const settled: OnNode[] = [];
  let inMotion = 0;
  const byName = [...round.byNode].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [node, pods] of byName) {
    const standing = pods.filter((pod) => !isDeleting(pod) && !round.doomed.has(pod));
    const fresh = standing.filter((pod) => isUpdated(round.observed.set, pod, round.hash));
    const old = standing.filter((pod) => !fresh.includes(pod));
    if (fresh.length > 1 || old.length > 1) inMotion++;
    else settled.push({ node, fresh: fresh[0], old: old[0] });
  }
  return { settled, inMotion };
}

function desiredCount({ observed: { set, nodes } }: Round): number {
  return nodes.filter((node) => belongs(set, node).shouldRun).length;
}

export function rollByReplacing(round: Round): void {
  const { settled, inMotion } = pairs(round);
  const most = Math.max(1, share(rollingUpdate(round.observed.set)?.maxUnavailable ?? 1, desiredCount(round)));
  let unavailable = inMotion;
  const candidates: StoredPod[] = [];
  for (const { fresh, old } of settled) {
    if (!old) {
      if (!fresh || !isAvailable(round, fresh)) unavailable++;
    } else if (fresh) unavailable++;
    else if (isAvailable(round, old)) candidates.push(old);
    else {
      doom(round, old);
      unavailable++;
    }
  }
  for (const pod of candidates.slice(0, Math.max(0, most - unavailable))) doom(round, pod);
}

export function rollBySurging(round: Round): void {
  const { set, nodes } = round.observed;
  const { settled, inMotion } = pairs(round);
  const most = surgeOf(set, desiredCount(round));
  let surging = inMotion;
  const candidates: string[] = [];
  for (const { node, fresh, old } of settled) {
    if (!old) continue;
    if (fresh) {
      if (isAvailable(round, fresh)) doom(round, old);
      else surging++;
      continue;
    }
    const object = nodes.find(({ metadata }) => metadata.name === node);
    if (!object || !belongs(set, object).shouldRun) {
      if (!isAvailable(round, old)) doom(round, old);
    } else if (isAvailable(round, old)) candidates.push(node);
    else round.needing.add(node);
  }
  for (const node of candidates.slice(0, Math.max(0, most - surging))) round.needing.add(node);
}
