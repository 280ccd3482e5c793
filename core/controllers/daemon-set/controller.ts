// What the daemon set controller watches and reads.

import { sameValue } from '../../api/kinds/findings.ts';
import { type KubeObject, keyOf, type ObjectKey } from '../../api/objects.ts';
import { controllerOf, refersTo } from '../../api/owners.ts';
import { labelSelectorMatches } from '../../api/selectors.ts';
import type { ResourceRef } from '../../client/client.ts';
import { resources } from '../../client/resources.ts';
import type { Clock } from '../../ports.ts';
import type { Action, Cache, Controller } from '../controller.ts';
import { isDeleting } from '../owner.ts';
import type { StoredPod } from '../pod-state.ts';
import { revisionName, type StoredRevision } from '../revision-history.ts';
import { sureSet } from '../sure-set.ts';
import { decideDaemonSet, failedDaemonSet } from './decide.ts';
import { type StoredDaemonSet, type StoredNode, targetNodeOf } from './nodes.ts';
import type { ObservedDaemonSet } from './round.ts';
import { sureNodes } from './sure-nodes.ts';

/** A node that had no failed daemon for this long starts anew. */
const FORGET_MS = 1_800_000;

function keysFor(of: ResourceRef, object: KubeObject, previous: KubeObject | undefined, cache: Cache): ObjectKey[] {
  if (of === resources.daemonSets) return [keyOf(object)];
  if (of === resources.nodes) return isNodeChange(object, previous) ? cache.list(resources.daemonSets).map(keyOf) : [];
  const namespace = object.metadata.namespace ?? '';
  const keys = new Map<string, ObjectKey>();
  for (const state of [object, previous]) {
    const controller = state && controllerOf(state);
    if (controller && refersTo(controller, 'apps', 'DaemonSet')) {
      keys.set(controller.name, { namespace, name: controller.name });
    }
  }
  if (!controllerOf(object)) {
    for (const set of cache.list(resources.daemonSets, namespace)) {
      const { selector } = (set as unknown as StoredDaemonSet).spec ?? {};
      if (labelSelectorMatches(selector, object.metadata.labels)) keys.set(keyOf(set).name, keyOf(set));
    }
  }
  return [...keys.values()];
}

/** A node that only reports changes nothing. */
function isNodeChange(object: KubeObject, previous: KubeObject | undefined): boolean {
  if (!previous || previous === object) return true;
  return (
    !sameValue(object.metadata.labels, previous.metadata.labels) ||
    !sameValue((object as unknown as StoredNode).spec?.taints, (previous as unknown as StoredNode).spec?.taints)
  );
}

/** All that a decision needs besides, from the cache. */
function gather(look: Omit<ObservedDaemonSet, 'revisions' | 'standingAtNewName'>, cache: Cache): ObservedDaemonSet {
  const { uid, namespace = '' } = look.set.metadata;
  const free = cache
    .orphans(resources.controllerRevisions, namespace)
    .filter((object) => !isDeleting(object) && labelSelectorMatches(look.set.spec?.selector, object.metadata.labels));
  const standing = cache.get(resources.controllerRevisions, { namespace, name: revisionName(look.set) });
  return {
    ...look,
    revisions: [...cache.ownedBy(resources.controllerRevisions, uid), ...free] as unknown as StoredRevision[],
    ...(standing ? { standingAtNewName: standing as unknown as StoredRevision } : {}),
  };
}

/** Whether the status tells that each node has an available pod of the newest revision. */
function isEnd({ status, metadata }: StoredDaemonSet): boolean {
  const { desiredNumberScheduled, updatedNumberScheduled = 0, numberAvailable = 0, observedGeneration } = status ?? {};
  const isWhole = [updatedNumberScheduled, numberAvailable].every((count) => count === desiredNumberScheduled);
  return isWhole && observedGeneration === metadata.generation;
}

export function daemonSetController(clock: Clock): Controller<ObservedDaemonSet> {
  /** By daemon set and node. */
  const failures = new Map<string, Record<string, { atMs: number; count: number }>>();
  /** Takes note of the failed pods that a decision replaces. */
  const note = (set: StoredDaemonSet, pods: readonly StoredPod[], actions: readonly Action[], nowMs: number): void => {
    const doomed = new Set(actions.flatMap((action) => (action.do === 'delete' ? [action.key.name] : [])));
    for (const pod of pods) {
      const node = targetNodeOf(pod);
      if (!node || pod.status?.phase !== 'Failed' || !doomed.has(pod.metadata.name)) continue;
      const known = failures.get(set.metadata.uid) ?? {};
      const before = known[node];
      const count = before && nowMs - before.atMs < FORGET_MS ? before.count + 1 : 1;
      failures.set(set.metadata.uid, { ...known, [node]: { atMs: nowMs, count } });
    }
  };
  return {
    name: 'daemon-set',
    component: 'daemonset-controller',
    watches: [resources.daemonSets, resources.pods, resources.nodes, resources.controllerRevisions],
    keysFor,
    async observe(key, cache, client) {
      const set = cache.get(resources.daemonSets, key) as unknown as StoredDaemonSet | undefined;
      if (!set) return undefined;
      const { uid } = set.metadata;
      const matches = (object: KubeObject): boolean =>
        !isDeleting(object) && labelSelectorMatches(set.spec?.selector, object.metadata.labels);
      const free = cache.orphans(resources.pods, key.namespace).filter(matches);
      const pods = [...cache.ownedBy(resources.pods, uid), ...free] as unknown as StoredPod[];
      const nodes = cache.list(resources.nodes) as unknown as StoredNode[];
      const nowMs = clock.now();
      const how = {
        of: resources.daemonSets,
        decide: (observed: ObservedDaemonSet) => decideDaemonSet(observed, nowMs),
        gather: (fresh: StoredDaemonSet, itsPods: readonly StoredPod[]) =>
          gather({ set: fresh, pods: itsPods, nodes, failures: failures.get(uid) ?? {} }, cache),
        isEnd,
      };
      const sure = await sureSet({ set, pods }, how, client);
      if (!sure) return undefined;
      const actions = how.decide(sure);
      const known = await sureNodes(sure, actions, client);
      const observed = { ...sure, nodes: known };
      note(observed.set, observed.pods, known === sure.nodes ? actions : how.decide(observed), nowMs);
      return observed;
    },
    decide: decideDaemonSet,
    failed: failedDaemonSet,
    resyncMs: 600_000,
  };
}
