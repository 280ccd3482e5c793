// Pods that nobody else will end: on nodes that are gone, deleted before they had a node, or finished in great number.
// Follows https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-garbage-collection
import { isNodeReady } from '../api/node-ready.ts';
import { resources } from '../client/resources.ts';
import { timestamp } from '../ports.ts';
import type { Action, Controller } from './controller.ts';
import { findFresh } from './fresh.ts';
import { isFinished, type StoredPod } from './pod-state.ts';

export interface ObservedPodGarbage {
  /** Bound to a node that has been absent for long enough. */
  orphans: readonly StoredPod[];
  /** Being deleted without ever having had a node. */
  unscheduled: readonly StoredPod[];
  /** On nodes that are not ready and marked as out of service, being deleted. */
  outOfService: readonly StoredPod[];
  finished: readonly StoredPod[];
  /** Something waits for its time: the quarantine of a node that is absent, or an end that was not written yet. */
  waits: boolean;
}

const EVERY_MS = 20_000;
/** Every change that matters wakes it. */
const IDLE_SLACK_MS = 3_600_000;
/** A node may be registered again, or its object be late. */
const QUARANTINE_MS = 40_000;
/** Finished pods kept in all, as kube-controller-manager's terminated-pod-gc-threshold. */
const FINISHED_LIMIT = 12_500;

const outOfServiceTaint = 'node.kubernetes.io/out-of-service';
const theKey = { namespace: '', name: 'pods' };

const remove = ({ metadata: { namespace = '', name, uid } }: StoredPod): Action => ({
  do: 'delete',
  of: resources.pods,
  key: { namespace, name },
  options: { uid, gracePeriodSeconds: 0 },
});

/** A pod whose node is gone never tells how it ended: it counts as failed. */
function fail(pod: StoredPod, nowMs: number, nodeIsGone: boolean): Action[] {
  if (isFinished(pod)) return [];
  const { namespace = '', name, uid } = pod.metadata;
  const condition = {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'DeletionByPodGC',
    message: 'PodGC: node no longer exists',
    lastTransitionTime: timestamp(nowMs),
  };
  const patch = { metadata: { uid }, status: { phase: 'Failed', ...(nodeIsGone ? { conditions: [condition] } : {}) } };
  return [
    { do: 'patch', of: resources.pods, key: { namespace, name }, patch, type: 'strategic', subresource: 'status' },
  ];
}

const byCreation = (a: StoredPod, b: StoredPod): number =>
  (a.metadata.creationTimestamp ?? '') < (b.metadata.creationTimestamp ?? '') ? -1 : 1;

export function decidePodGarbage(observed: ObservedPodGarbage, nowMs: number): Action[] {
  const surplus = Math.max(0, observed.finished.length - FINISHED_LIMIT);
  const oldest = surplus > 0 ? [...observed.finished].sort(byCreation).slice(0, surplus) : [];
  return [
    ...observed.orphans.flatMap((pod) => fail(pod, nowMs, true)),
    ...[...observed.unscheduled, ...observed.outOfService].flatMap((pod) => fail(pod, nowMs, false)),
    ...[...observed.orphans, ...observed.unscheduled, ...observed.outOfService, ...oldest].map(remove),
    { do: 'requeue', afterMs: EVERY_MS, slackMs: observed.waits ? 0 : IDLE_SLACK_MS },
  ];
}

interface NodeLike {
  spec?: { taints?: { key: string }[] };
  status?: { conditions?: { type: string; status: string }[] };
}

const isOutOfService = (node: NodeLike): boolean =>
  Boolean(node.spec?.taints?.some(({ key }) => key === outOfServiceTaint)) && !isNodeReady(node);

const nodeOf = ({ spec }: StoredPod): string => spec?.nodeName ?? '';

export function podGarbageController(now: () => number): Controller<ObservedPodGarbage> {
  /** Since when a node with pods has been absent. */
  const absent = new Map<string, number>();
  return {
    name: 'pod-garbage-collector',
    component: 'pod-garbage-collector-controller',
    watches: [resources.pods, resources.nodes],
    keysFor(of, object, previous, cache) {
      if (of === resources.nodes) {
        const isNews =
          !previous ||
          !cache.get(resources.nodes, { namespace: '', name: object.metadata.name ?? '' }) ||
          isOutOfService(object as NodeLike) !== isOutOfService(previous as NodeLike);
        return isNews ? [theKey] : [];
      }
      const { metadata, spec } = object as unknown as StoredPod;
      if (!metadata.deletionTimestamp) return [];
      const node = spec?.nodeName && cache.get(resources.nodes, { namespace: '', name: spec.nodeName });
      return !node || isOutOfService(node as NodeLike) ? [theKey] : [];
    },
    async observe(_key, cache, client) {
      const pods = cache.list(resources.pods) as unknown as readonly StoredPod[];
      const orphans: StoredPod[] = [];
      const outOfService: StoredPod[] = [];
      const missing = new Set<string>();
      for (const pod of pods) {
        const name = pod.spec?.nodeName;
        if (!name) continue;
        const node = cache.get(resources.nodes, { namespace: '', name });
        if (node) {
          if (pod.metadata.deletionTimestamp && isOutOfService(node as NodeLike)) outOfService.push(pod);
          continue;
        }
        missing.add(name);
        if (!absent.has(name)) absent.set(name, now());
        if (now() - absent.get(name)! >= QUARANTINE_MS) orphans.push(pod);
      }
      for (const name of absent.keys()) if (!missing.has(name)) absent.delete(name);
      // The cache of nodes may be behind that of pods: that a node is gone is asked of the API.
      const there = new Set<string>();
      const ask = async (name: string): Promise<void> => {
        if (await findFresh(client, resources.nodes, { namespace: '', name })) there.add(name);
      };
      await Promise.all([...new Set(orphans.map(nodeOf))].map(ask));
      for (const name of there) absent.delete(name);
      return {
        orphans: orphans.filter((pod) => !there.has(nodeOf(pod))),
        outOfService,
        waits: missing.size > 0,
        unscheduled: pods.filter((pod) => pod.metadata.deletionTimestamp && !pod.spec?.nodeName),
        finished: pods.filter((pod) => isFinished(pod) && !pod.metadata.deletionTimestamp),
      };
    },
    decide: decidePodGarbage,
    async attach(enqueue) {
      enqueue(theKey);
      return () => {};
    },
    workers: 1,
  };
}
