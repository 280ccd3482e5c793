// The part of a resource's change log that is held in memory: in order of revision, from a floor upwards.
import type { Change, Revision } from './store.ts';
import { RevisionAhead, RevisionExpired } from './store.ts';

/** A change with what undoing it needs. */
export interface LoggedChange extends Change {
  /** The revision that `previous` had; 0 for ADDED. */
  readonly previousRevision: Revision;
  /** When it was committed, in milliseconds since the epoch. */
  readonly at: number;
}

/** How much of the log is kept: a change is dropped when it is older than the age or there are more than the count. */
export interface LogLimits {
  maxChanges: number;
  maxAgeMs: number;
}

/** As old as what kube-apiserver's compaction of etcd, which runs every five minutes, leaves at least. */
export const defaultLogLimits: LogLimits = { maxChanges: 50_000, maxAgeMs: 300_000 };

/** An untouched resource's head. Not 0, because a watch from "0" means something else to Kubernetes clients. */
export const firstRevision: Revision = 1;

/** The floor of a log from which nothing was dropped. */
export const firstFloor: Revision = 0;

/**
 * A list can be shown at the head and at revisions above the floor. At the floor itself the changes that follow are all
 * there, but the state has left the log together with the change that made it. Throws RevisionExpired.
 */
export function checkListed(revision: Revision, floor: Revision, head: Revision): void {
  if (revision <= floor && revision !== head) throw new RevisionExpired(floor);
}

export class ChangeLog {
  head: Revision;
  /** Changes after this revision are all there. */
  floor: Revision;
  #changes: LoggedChange[] = [];

  constructor(floor: Revision = firstFloor, head: Revision = firstRevision) {
    this.floor = floor;
    this.head = head;
  }

  append(change: LoggedChange): void {
    this.#changes.push(change);
    this.head = change.revision;
  }

  /** Changes after `since`. Throws RevisionExpired and RevisionAhead. */
  since(since: Revision, limit = Number.POSITIVE_INFINITY): readonly LoggedChange[] {
    if (since > this.head) throw new RevisionAhead(this.head);
    if (since < this.floor) throw new RevisionExpired(this.floor);
    if (since === this.head) return [];
    const from = this.#indexAfter(since);
    return this.#changes.slice(from, Math.min(from + limit, this.#changes.length));
  }

  /**
   * Raises the floor to what the limits allow. A log that becomes empty by it takes one revision without a change, so that a
   * page of a list that was begun before expires although nothing was written since, as it does in Kubernetes.
   */
  trim(limits: LogLimits, nowMs: number): void {
    let drop = Math.max(0, this.#changes.length - limits.maxChanges);
    const oldest = nowMs - limits.maxAgeMs;
    while (drop < this.#changes.length && this.#changes[drop]!.at < oldest) drop++;
    if (drop === 0) return;
    this.floor = this.#changes[drop - 1]!.revision;
    this.#changes.splice(0, drop);
    if (this.#changes.length === 0) this.head++;
  }

  /** Forgets changes that can be read elsewhere (which holds up to a revision), and returns them: the oldest, but for `keep`. */
  shorten(keep: number, upTo: Revision): readonly LoggedChange[] {
    const drop = Math.min(this.#changes.length - keep, this.#indexAfter(upTo));
    if (drop <= 0) return [];
    this.floor = this.#changes[drop - 1]!.revision;
    return this.#changes.splice(0, drop);
  }

  get length(): number {
    return this.#changes.length;
  }

  #indexAfter(revision: Revision): number {
    let low = 0;
    let high = this.#changes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#changes[middle]!.revision > revision) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
