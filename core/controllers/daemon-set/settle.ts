// Each node on its own: a pod where there is none, none where none belongs, and no two of a kind.
import { asObject, isDeleting } from '../owner.ts';
import { isFinished, isReady, type StoredPod } from '../pod-state.ts';
import { belongs, hashLabel, type StoredNode } from './nodes.ts';
import { byAge, doom, isAvailable, type Round, surgeOf } from './round.ts';

/** A daemon that fails again and again is started anew after 1 s, then 2 s, up to 15 min. */
const FAILED_FIRST_MS = 1_000;
const FAILED_LIMIT_MS = 900_000;

function replaceFinished(round: Round, pod: StoredPod, node: string): void {
  const { set, failures } = round.observed;
  const about = asObject(set);
  const { namespace, name } = pod.metadata;
  if (pod.status?.phase === 'Succeeded') {
    const message = `Found succeeded daemon pod ${namespace}/${name} on node ${node}, will try to delete it`;
    round.doomed.set(pod, [{ do: 'event', about, type: 'Normal', reason: 'SucceededDaemonPod', message }]);
    return;
  }
  const failure = failures[node];
  const waitMs = failure ? Math.min(FAILED_FIRST_MS * 2 ** (failure.count - 1), FAILED_LIMIT_MS) : 0;
  const leftMs = failure ? failure.atMs + waitMs - round.nowMs : 0;
  if (leftMs > 0) {
    round.laterMs.push(leftMs);
    return;
  }
  const message = `Found failed daemon pod ${namespace}/${name} on node ${node}, will try to kill it`;
  round.doomed.set(pod, [{ do: 'event', about, type: 'Warning', reason: 'FailedDaemonPod', message }]);
}

/** Settles one node: a pod where there is none, none where none belongs, and no two of a kind. */
export function settleNode(round: Round, node: StoredNode): void {
  const { set } = round.observed;
  const { name } = node.metadata;
  const { shouldRun, mayStay } = belongs(set, node);
  const pods = round.byNode.get(name);
  if (!pods) {
    if (shouldRun) round.needing.add(name);
    return;
  }
  const standing = pods.filter((pod) => !isDeleting(pod));
  if (!mayStay) {
    for (const pod of standing) doom(round, pod);
    return;
  }
  for (const pod of standing.filter(isFinished)) replaceFinished(round, pod, name);
  const running = standing.filter((pod) => !isFinished(pod)).sort(byAge);
  if (surgeOf(set, 1) === 0) {
    for (const pod of running.slice(1)) doom(round, pod);
  } else if (running.length === 0) {
    if (shouldRun && standing.length === 0) round.needing.add(name);
  } else settleSurge(round, running);
}

/** One old and one new pod may be side by side; the old one goes when the new one is available, or when it is not ready. */
function settleSurge(round: Round, running: readonly StoredPod[]): void {
  const isNew = (pod: StoredPod): boolean => pod.metadata.labels?.[hashLabel] === round.hash;
  const [fresh, ...moreFresh] = running.filter(isNew);
  const [old, ...moreOld] = running.filter((pod) => !isNew(pod));
  for (const pod of [...moreFresh, ...moreOld]) doom(round, pod);
  if (fresh && old && (!isReady(old) || isAvailable(round, fresh))) doom(round, old);
}
