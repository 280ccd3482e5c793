// Nodes that stop reporting are marked, tainted and in time emptied. How long a node was silent is counted from what was seen
// to change (heartbeats.ts), so neither a wrong clock on a node nor an outage of the control plane counts against it.
import { sameValue } from '../../api/kinds/findings.ts';
import { nodeTaints } from '../../api/node-taints.ts';
import type { KubeObject } from '../../api/objects.ts';
import type { Lease, Taint } from '../../api/types.gen.ts';
import { resources } from '../../client/resources.ts';
import type { Clock } from '../../ports.ts';
import type { Action, Cache, Controller } from '../controller.ts';
import { getFresh } from '../fresh.ts';
import { asObject } from '../owner.ts';
import { isFinished, type StoredPod } from '../pod-state.ts';
import { evict, evictionDueMs, markNotReady } from './eviction.ts';
import { GRACE_MS, graceOf, readiness, type StoredNode, unknownConditions, wantedTaints } from './health.ts';
import { clockHeartbeats, type Heartbeats } from './heartbeats.ts';
import { WellNodes } from './well-nodes.ts';
import { Zones } from './zones.ts';

export interface ObservedNodeHealth {
  node: StoredNode;
  /** On this node. */
  pods: readonly StoredPod[];
  /** For how long the node has not been seen to report. */
  silentMs: number;
  /** For how long we have been watching. */
  watchedMs: number;
  /** How long a node may be silent. */
  graceMs: number;
  /** Whether some other node is ready, and has not fallen silent too. */
  othersReady: boolean;
  /** Until its zone's turn comes to it, an unready node is not given up: zones.ts. undefined also while no other is ready. */
  turnMs: number | undefined;
  /** Silence grows by looks alone: nobody need wake before the next one. */
  byLooks?: boolean;
}

const LEASE_NAMESPACE = 'kube-node-lease';
const LOOK_SLACK_MS = 3_600_000;

function nodeEvent(node: StoredNode, reason: string): Action {
  const message = `Node ${node.metadata.name} status is now: ${reason}`;
  return { do: 'event', about: asObject(node), type: 'Normal', reason, message };
}

/** undefined: the node reports, or it is known that it does not. */
function noteSilence({ node, silentMs, graceMs }: ObservedNodeHealth, nowMs: number): Action[] | undefined {
  if (silentMs < graceMs) return undefined;
  const conditions = unknownConditions(node, nowMs);
  if (!conditions) return undefined;
  const object = asObject({ ...node, status: { ...node.status, conditions } });
  const wasReady = readiness(node) === 'True';
  return [
    { do: 'update', of: resources.nodes, object, subresource: 'status' },
    ...(wasReady ? [nodeEvent(node, 'NodeNotReady')] : []),
  ];
}

function emptyNode(observed: ObservedNodeHealth, noExecute: readonly Taint[], nowMs: number): Action[] {
  const actions: Action[] = [];
  // After an outage of ours, nodes that were given up get their chance to report first.
  const notBeforeMs = nowMs + observed.graceMs - observed.watchedMs;
  const byHealth = noExecute.some(({ key }) => key === nodeTaints.notReady || key === nodeTaints.unreachable);
  let next = Number.POSITIVE_INFINITY;
  for (const pod of observed.pods) {
    if (pod.metadata.deletionTimestamp || isFinished(pod)) continue;
    const due = evictionDueMs(pod, noExecute, nowMs);
    if (due === undefined) continue;
    const dueMs = byHealth ? Math.max(due, notBeforeMs) : due;
    if (dueMs <= nowMs) actions.push(...evict(pod, nowMs));
    else next = Math.min(next, dueMs);
  }
  if (Number.isFinite(next)) actions.push({ do: 'requeue', afterMs: next - nowMs });
  return actions;
}

export function decideNodeHealth(observed: ObservedNodeHealth, nowMs: number): Action[] {
  const { node, pods, silentMs, graceMs, byLooks, othersReady, turnMs } = observed;
  const silence = noteSilence(observed, nowMs);
  // The write wakes this again, with the node as it is then.
  if (silence) return silence;
  const ready = readiness(node) === 'True';
  const wanted = wantedTaints(node, othersReady && turnMs === 0, nowMs);
  if (!sameValue(wanted, node.spec?.taints)) {
    const object = asObject({ ...node, spec: { ...node.spec, taints: wanted } });
    return [{ do: 'update', of: resources.nodes, object }];
  }
  const noExecute = wanted.filter(({ effect }) => effect === 'NoExecute');
  const afterMs = Math.max(0, graceMs - silentMs);
  const slack = byLooks ? { slackMs: LOOK_SLACK_MS } : {};
  return [
    ...(ready ? [] : pods.flatMap((pod) => markNotReady(pod, nowMs))),
    ...(noExecute.length > 0 ? emptyNode(observed, noExecute, nowMs) : []),
    ...(!ready && othersReady && turnMs ? [{ do: 'requeue', afterMs: turnMs } as const] : []),
    // A silent node is woken by its next report; a healthy one is looked at when its time is up.
    ...(afterMs > 0 ? [{ do: 'requeue', afterMs, ...slack } as const] : []),
  ];
}

/** What changes when a node reports. */
const reportOf = (node: StoredNode): string =>
  node.status?.conditions?.map(({ lastHeartbeatTime }) => lastHeartbeatTime).join() ?? '';

export function nodeLifecycleController(
  clock: Clock,
  given?: Heartbeats,
  graceMs = GRACE_MS,
): Controller<ObservedNodeHealth> {
  const heartbeats = given ?? clockHeartbeats(clock, graceMs);
  const zones = new Zones();
  const graceIn = (cache: Cache, name: string): number =>
    graceOf(cache.get(resources.leases, { namespace: LEASE_NAMESPACE, name }) as Lease | undefined, graceMs);
  const wellNodes = new WellNodes();
  const isWell = (cache: Cache, name: string): boolean => {
    const node = cache.get(resources.nodes, { namespace: '', name }) as StoredNode | undefined;
    return node !== undefined && readiness(node) === 'True' && heartbeats.silentMs(name) < graceIn(cache, name);
  };
  return {
    name: 'node-lifecycle',
    component: 'node-controller',
    watches: [resources.nodes, resources.pods],
    keysFor(of, object, previous, cache) {
      if (of === resources.nodes) return [{ namespace: '', name: object.metadata.name ?? '' }];
      const name = (object as unknown as StoredPod).spec?.nodeName;
      const node = name && (cache.get(resources.nodes, { namespace: '', name }) as StoredNode | undefined);
      // Pods matter on nodes that are in trouble or drive pods off.
      const matters =
        node && (readiness(node) !== 'True' || node.spec?.taints?.some(({ effect }) => effect === 'NoExecute'));
      const arrived = !(previous as unknown as StoredPod | undefined)?.spec?.nodeName;
      return matters && (arrived || readiness(node) !== 'True') ? [{ namespace: '', name }] : [];
    },
    async observe(key, cache, client) {
      const node = cache.get(resources.nodes, key) as StoredNode | undefined;
      if (!node) return undefined;
      const othersReady = wellNodes.isAnother(key.name, heartbeats.basis(), (name) => isWell(cache, name));
      const observed: ObservedNodeHealth = {
        node,
        pods: cache.onNode(resources.pods, key.name) as unknown as readonly StoredPod[],
        silentMs: heartbeats.silentMs(key.name),
        watchedMs: heartbeats.watchedMs(),
        graceMs: graceIn(cache, key.name),
        othersReady,
        turnMs: othersReady ? zones.turnMs(key.name, clock.now()) : undefined,
        byLooks: heartbeats.byLooks,
      };
      const drives = node.spec?.taints?.some(({ effect }) => effect === 'NoExecute');
      if (!drives || !decideNodeHealth(observed, clock.now()).some(({ do: what }) => what === 'delete'))
        return observed;
      // The cache may be behind: no pod is driven off by a taint that is gone.
      const fresh = await getFresh(client, resources.nodes, node);
      return fresh && { ...observed, node: fresh };
    },
    decide: decideNodeHealth,
    async attach(enqueue, informers) {
      const ends = [
        heartbeats.begin(),
        informers.for(resources.leases).subscribe(({ metadata, ...lease }: KubeObject) => {
          if (metadata.namespace !== LEASE_NAMESPACE) return;
          const { renewTime = '' } = (lease as Lease).spec ?? {};
          heartbeats.note(metadata.name ?? '', 'lease', renewTime);
          wellNodes.heard(metadata.name ?? '');
          const node = informers.get(resources.nodes, { namespace: '', name: metadata.name ?? '' });
          if (node && readiness(node as unknown as StoredNode) !== 'True') {
            enqueue({ namespace: '', name: metadata.name ?? '' });
          }
        }),
        informers.for(resources.nodes).subscribe((object, _previous, deleted) => {
          const name = object.metadata.name ?? '';
          wellNodes.note(name, !deleted && readiness(object as unknown as StoredNode) === 'True');
          if (deleted) zones.forget(name);
          else zones.note(object as unknown as StoredNode);
          if (deleted) heartbeats.forget(name);
          else heartbeats.note(name, 'status', reportOf(object as unknown as StoredNode));
        }),
      ];
      return () => {
        for (const end of ends) end();
      };
    },
    workers: 10,
    resyncMs: 60_000,
  };
}
