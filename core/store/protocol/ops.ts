// What the revision protocol asks of a database, one operation at a time. A protocol is a generator that yields operations and
// is handed their outcomes; drivers (DynamoDB) and checkers (the model, the simulation) carry them out.
// See docs/decisions/0001-revisions.md and 0005-serverless-hosting.md.
import type { KubeObject, ObjectKey } from '../../api/objects.ts';
import type { Change, Resource, Revision } from '../store.ts';

/** What stands under a key. Without an object it is a tombstone: a deletion's revision, kept until no older write can come. */
export interface Slot {
  readonly key: ObjectKey;
  readonly revision: Revision;
  readonly object: KubeObject | undefined;
  /** When it was written, in milliseconds since the epoch by the writer's clock. */
  readonly at: number;
}

/** One row of the change log. `void`: nothing happened under this revision, and nothing can any more. */
export type Row =
  | { readonly kind: 'void'; readonly revision: Revision; readonly at: number }
  | {
      readonly kind: 'change';
      readonly revision: Revision;
      readonly at: number;
      /** Names the attempt that wrote it, so that a writer whose answer was lost knows its own row. */
      readonly writer: string;
      readonly type: Change['type'];
      readonly key: ObjectKey;
      /** After the change; of a deletion, as it was deleted. */
      readonly object: KubeObject;
      /** 0 for ADDED. */
      readonly previousRevision: Revision;
      /** The state before, when the row of previousRevision may have expired; otherwise that row holds it. */
      readonly previous?: KubeObject;
    };

export type ChangeRow = Extract<Row, { kind: 'change' }>;

/** How far a resource's sequence has come. */
export interface Counter {
  /** The newest revision that was taken by any writer; firstRevision for an untouched resource. */
  readonly taken: Revision;
  /** Changes after this revision have not expired. */
  readonly floor: Revision;
  /** Every row up to here is there, or was and has expired; firstRevision for an untouched resource. */
  readonly sealed: Revision;
  /**
   * No revision after `sealed` was taken before this (milliseconds since the epoch, by the clock of whoever marked it): until
   * rows of that age expire, a row that is missing was never written. Infinity for an untouched resource.
   */
  readonly sealedAt: number;
}

export interface CounterOf extends Counter {
  readonly resource: Resource;
}

/** Every operation is atomic and reads what was committed before it began (strongly consistent). */
export type Op =
  /**
   * Adds one to the resource's counter; the first one also sets `sealed` to firstRevision and `sealedAt` to `at`. With `ifTaken`
   * only while that is still the newest revision taken. -> Revision, or undefined if `ifTaken` no longer holds
   */
  | { readonly do: 'take'; readonly resource: Resource; readonly at: number; readonly ifTaken?: Revision }
  /** -> Counter */
  | { readonly do: 'counter'; readonly resource: Resource }
  /** The counters of all resources that were ever written. -> readonly CounterOf[] */
  | { readonly do: 'counters' }
  /** -> Slot | undefined */
  | { readonly do: 'read'; readonly resource: Resource; readonly key: ObjectKey }
  /**
   * One transaction: row `row.revision` is put if no row stands there, and the slot becomes the row's object (a deletion's:
   * a tombstone) if what stands is `expected`. 'absent' holds for nothing, and for a tombstone older than the row.
   * -> WriteOutcome
   */
  | {
      readonly do: 'write';
      readonly resource: Resource;
      readonly row: ChangeRow;
      readonly expected: Revision | 'absent';
    }
  /** Puts a void row if no row stands there. -> Row: what stands there now */
  | { readonly do: 'void'; readonly resource: Resource; readonly revision: Revision; readonly at: number }
  /** Rows with after < revision <= upTo, in order, at most `limit`; expired ones are left out. -> readonly Row[] */
  | {
      readonly do: 'rows';
      readonly resource: Resource;
      readonly after: Revision;
      readonly upTo: Revision;
      readonly limit?: number;
    }
  /** Named rows, in any order; expired ones are left out. -> readonly Row[] */
  | { readonly do: 'rowsAt'; readonly resource: Resource; readonly revisions: readonly Revision[] }
  /**
   * Slots in order of namespace and name, tombstones included, at most `limit`. Not one snapshot: each page sees what stands
   * when it is read. -> ScanPage
   */
  | {
      readonly do: 'scan';
      readonly resource: Resource;
      readonly namespace?: string;
      readonly index?: IndexValue;
      readonly after?: ObjectKey;
      readonly limit?: number;
    }
  /** Raises the floor of the log: changes up to it may go. -> undefined */
  | { readonly do: 'raiseFloor'; readonly resource: Resource; readonly floor: Revision }
  /** Sets `sealed` and `sealedAt` of the counter, unless `sealed` is beyond that already. -> undefined */
  | { readonly do: 'mark'; readonly resource: Resource; readonly sealed: Revision; readonly at: number }
  /** -> undefined */
  | { readonly do: 'wait'; readonly ms: number };

/** Slots whose object has this value in a named index ('pods' by 'node'). */
export interface IndexValue {
  readonly name: string;
  readonly value: string;
}

export type WriteOutcome =
  | { readonly written: true }
  /** Nothing was written. What stood in the way: another slot than expected, or a row under this revision. */
  | { readonly written: false; readonly slot: Slot | undefined; readonly rowTaken: boolean };

export interface ScanPage {
  readonly slots: readonly Slot[];
  /** There is more after the last slot. */
  readonly more: boolean;
}

/** What an operation is answered with when it is done. */
interface Answers {
  take: Revision | undefined;
  counter: Counter;
  counters: readonly CounterOf[];
  read: Slot | undefined;
  write: WriteOutcome;
  void: Row;
  rows: readonly Row[];
  rowsAt: readonly Row[];
  scan: ScanPage;
  raiseFloor: undefined;
  mark: undefined;
  wait: undefined;
}

export type AnswerTo<O extends Op> = Answers[O['do']];

/** How an operation ended. Reads never end 'lost'. */
export type Outcome =
  | { readonly ended: 'done'; readonly value: unknown }
  /** No answer: it took effect or not, and if not yet, it never will after its row is taken. */
  | { readonly ended: 'lost'; readonly error: unknown }
  /** It did not take effect (throttled, refused, unreachable). */
  | { readonly ended: 'failed'; readonly error: unknown };

/** A protocol: yields operations, is resumed with their outcomes, returns its result or throws. */
export type Steps<T> = Generator<Op, T, Outcome>;
