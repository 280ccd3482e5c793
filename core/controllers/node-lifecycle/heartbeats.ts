// How long nodes have been silent. A process that stays counts by its own clock from what it saw change. A function that comes
// and goes keeps a record of what it saw at each look, and counts by the time of the ticks, which one clock gives for all of
// them: neither a node's clock nor a function's is believed. Time in which nobody looked counts for nobody.
import type { Clock } from '../../ports.ts';

export interface Heartbeats {
  /** Watching begins; returns what ends it. */
  begin(): () => void;
  /** What a source (lease, status) of a node's says now; another text than before is a sign of life. */
  note(node: string, source: string, report: string): void;
  forget(node: string): void;
  /** Since the node was last seen to report, or watching began. Milliseconds. */
  silentMs(node: string): number;
  /** For how long nodes have been watched without a break. Milliseconds. */
  watchedMs(): number;
  /** What silence is counted from. While it is the same, the silence of a node of which nothing is noted does not become shorter. */
  basis(): unknown;
  /** Silence grows by looks, not by the clock: nobody need be woken to see whether it has. */
  readonly byLooks: boolean;
}

/** Parts of the grace time: it is made sure so often that this process runs (every 5 s, as --node-monitor-period) ... */
const PERIODS = 8;
/** ... and after so much time without a run it, or its machine, was stopped and saw nobody report: counting begins anew. */
const STOPPED_SHARE = 3 / 8;

export function clockHeartbeats(clock: Clock, graceMs: number): Heartbeats {
  let sinceMs = clock.now();
  /** When this process is known to have run; undefined: nobody says so regularly. */
  let ranMs: number | undefined;
  const seen = new Map<string, Map<string, { report: string; atMs: number }>>();
  const now = (): number => {
    const nowMs = clock.now();
    if (ranMs === undefined) return nowMs;
    if (nowMs - ranMs >= graceMs * STOPPED_SHARE) sinceMs = nowMs;
    ranMs = nowMs;
    return nowMs;
  };
  return {
    byLooks: false,
    begin() {
      let cancel = (): void => {};
      const again = (): void => {
        ranMs ??= clock.now();
        now();
        cancel = clock.after(graceMs / PERIODS, again);
      };
      again();
      return () => {
        cancel();
        ranMs = undefined;
      };
    },
    note(node, source, report) {
      let sources = seen.get(node);
      if (!sources) seen.set(node, (sources = new Map()));
      if (sources.get(source)?.report !== report) sources.set(source, { report, atMs: now() });
    },
    forget: (node) => seen.delete(node),
    silentMs(node) {
      const nowMs = now();
      return nowMs - Math.max(sinceMs, ...[...(seen.get(node)?.values() ?? [])].map(({ atMs }) => atMs));
    },
    watchedMs: () => now() - sinceMs,
    basis() {
      now();
      return sinceMs;
    },
  };
}

/** What was seen at looks. Times are those of ticks, in milliseconds since the epoch. */
export interface HeartbeatRecord {
  /** The last look. */
  atMs: number;
  /** Since then no look was missed. */
  sinceMs: number;
  /** By node: what it said at the last look, and at which look it was first seen to say so. */
  nodes: Record<string, { report: string; atMs: number }>;
}

/**
 * Looks that are further apart leave a hole, in which perhaps nodes could not report either: counting begins anew. Must be well
 * below what a node's lease lasts.
 */
const LOOK_GAP_MS = 200_000;
/** A node renews its lease within half of its duration (5 minutes): one look without news is usual. */
const USUAL_MS = 150_000;
const SUSPICIOUS_MS = 900_000;

/** The record after one more look. A look that is not later than the last (delivered twice, or late) changes nothing. */
export function lookedAgain(
  record: HeartbeatRecord | undefined,
  tickMs: number,
  reports: ReadonlyMap<string, string>,
): HeartbeatRecord {
  if (record && tickMs <= record.atMs) return record;
  const isContinuous = record !== undefined && tickMs - record.atMs <= LOOK_GAP_MS;
  const nodes: HeartbeatRecord['nodes'] = {};
  for (const [node, report] of reports) {
    const before = record?.nodes[node];
    nodes[node] = isContinuous && before?.report === report ? before : { report, atMs: tickMs };
  }
  return { atMs: tickMs, sinceMs: isContinuous ? record.sinceMs : tickMs, nodes };
}

/** A node has been silent for longer than is usual, and it is not long known: the next looks should come soon. */
export const isSuspicious = ({ atMs, nodes }: HeartbeatRecord): boolean =>
  Object.values(nodes).some((seen) => atMs - seen.atMs >= USUAL_MS && atMs - seen.atMs < SUSPICIOUS_MS);

export class RecordedHeartbeats implements Heartbeats {
  readonly byLooks = true;
  readonly #reports = new Map<string, Map<string, string>>();
  #record: HeartbeatRecord | undefined;

  begin(): () => void {
    return () => {};
  }

  note(node: string, source: string, report: string): void {
    let sources = this.#reports.get(node);
    if (!sources) this.#reports.set(node, (sources = new Map()));
    sources.set(source, report);
  }

  forget(node: string): void {
    this.#reports.delete(node);
  }

  /** What the nodes say now, one text for each. */
  reports(): ReadonlyMap<string, string> {
    return new Map([...this.#reports.keys()].map((node) => [node, this.#reportOf(node)]));
  }

  /** What stands in the store. */
  set record(record: HeartbeatRecord | undefined) {
    this.#record = record;
  }

  silentMs(node: string): number {
    const seen = this.#record?.nodes[node];
    // Not looked at yet, or it has said something since the last look.
    if (!this.#record || !seen || seen.report !== this.#reportOf(node)) return 0;
    return this.#record.atMs - Math.max(seen.atMs, this.#record.sinceMs);
  }

  watchedMs(): number {
    return this.#record ? this.#record.atMs - this.#record.sinceMs : 0;
  }

  basis(): unknown {
    return this.#record;
  }

  #reportOf(node: string): string {
    const sources = [...(this.#reports.get(node) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
    return sources.map(([source, report]) => `${source}=${report}`).join(' ');
  }
}
