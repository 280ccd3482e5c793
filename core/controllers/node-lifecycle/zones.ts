// How fast the unready nodes of a zone are given up (tainted NoExecute, so that their pods go): one after the other, slower or not
// at all while much of the zone is in trouble. Follows https://kubernetes.io/docs/concepts/architecture/nodes/#rate-limits-on-eviction
// and kube-controller-manager's flags. There is no bucket of tokens to keep: when the last node was given up stands in its taint,
// so the rate holds over a restart, and for several processes at once.
import { nodeTaints } from '../../api/node-taints.ts';
import { readiness, type StoredNode } from './health.ts';

/** --node-eviction-rate: 0.1 nodes a second. */
const PAUSE_MS = 10_000;
/** --secondary-node-eviction-rate: 0.01 nodes a second. */
const DISRUPTED_PAUSE_MS = 100_000;
/** --unhealthy-zone-threshold, of at least three nodes. */
const DISRUPTED_SHARE = 0.55;
const DISRUPTED_LEAST = 3;
/** --large-cluster-size-threshold: a disrupted zone of no more nodes gives none up. */
const LARGE_ZONE = 50;
/** Nodes with this label do not count when it is asked how disrupted a zone is. */
const excludeLabel = 'node.kubernetes.io/exclude-disruption';

interface Unready {
  sinceMs: number;
  /** When it was given up; absent while it waits for its turn. */
  givenUpMs?: number;
  excluded: boolean;
}

interface Zone {
  ready: Set<string>;
  unready: Map<string, Unready>;
}

/** Between two nodes that are given up, milliseconds; undefined: none is. A zone with no node that is ready is as quick as one that is well. */
export function pauseMs(ready: number, unready: number): number | undefined {
  const isDisrupted = ready > 0 && unready >= DISRUPTED_LEAST && unready / (ready + unready) >= DISRUPTED_SHARE;
  if (!isDisrupted) return PAUSE_MS;
  return ready + unready > LARGE_ZONE ? DISRUPTED_PAUSE_MS : undefined;
}

const zoneOf = ({ metadata: { labels } }: StoredNode): string =>
  `${labels?.['topology.kubernetes.io/region'] ?? ''}\n${labels?.['topology.kubernetes.io/zone'] ?? ''}`;

const givenUpAt = ({ spec }: StoredNode): number | undefined => {
  const taint = spec?.taints?.find(
    ({ key, effect }) => effect === 'NoExecute' && (key === nodeTaints.notReady || key === nodeTaints.unreachable),
  );
  return taint && (Date.parse(taint.timeAdded ?? '') || 0);
};

/** The nodes by zone, as they were last seen. */
export class Zones {
  readonly #zones = new Map<string, Zone>();
  readonly #zoneOfNode = new Map<string, Zone>();

  note(node: StoredNode): void {
    const { name, labels } = node.metadata;
    this.forget(name);
    const zone = this.#zone(zoneOf(node));
    this.#zoneOfNode.set(name, zone);
    const excluded = labels?.[excludeLabel] !== undefined;
    if (readiness(node) === 'True') {
      if (!excluded) zone.ready.add(name);
      return;
    }
    const condition = node.status?.conditions?.find(({ type }) => type === 'Ready');
    // Who has not reported yet is not given up, and keeps nobody waiting.
    const sinceMs = condition ? Date.parse(condition.lastTransitionTime ?? '') || 0 : Number.POSITIVE_INFINITY;
    const givenUpMs = givenUpAt(node);
    zone.unready.set(name, { sinceMs, excluded, ...(givenUpMs === undefined ? {} : { givenUpMs }) });
  }

  forget(name: string): void {
    const zone = this.#zoneOfNode.get(name);
    zone?.ready.delete(name);
    zone?.unready.delete(name);
    this.#zoneOfNode.delete(name);
  }

  /**
   * Milliseconds until it is this node's turn to be given up: those that are unready for longer go first. 0: now. undefined: not while
   * its zone is as it is.
   */
  turnMs(name: string, nowMs: number): number | undefined {
    const zone = this.#zoneOfNode.get(name);
    const own = zone?.unready.get(name);
    if (!zone || !own) return undefined;
    if (own.givenUpMs !== undefined) return 0;
    let counted = 0;
    let ahead = 0;
    let lastMs = Number.NEGATIVE_INFINITY;
    for (const [other, { sinceMs, givenUpMs, excluded }] of zone.unready) {
      if (!excluded) counted++;
      if (givenUpMs !== undefined) lastMs = Math.max(lastMs, givenUpMs);
      else if (sinceMs < own.sinceMs || (sinceMs === own.sinceMs && other < name)) ahead++;
    }
    const pause = pauseMs(zone.ready.size, counted);
    return pause === undefined ? undefined : Math.max(0, lastMs + pause - nowMs) + ahead * pause;
  }

  #zone(name: string): Zone {
    let zone = this.#zones.get(name);
    if (!zone) this.#zones.set(name, (zone = { ready: new Set(), unready: new Map() }));
    return zone;
  }
}
