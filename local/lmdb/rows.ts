// How the database looks (format 2). Three tables:
//   rows   [resource, revision] -> a header line and the object's JSON; at once the change log and the home of every object
//   index  [resource, namespace/name] -> revision of the row that holds the object as it stands
//   meta   'format'; ['head', resource]: the newest revision taken; ['floor', resource]: changes after it are all there;
//          'database': a number of its own; 'journal': the last batch that was taken from the journal; 'journalHalf': its size
// A row stays while it is the object as it stands, or the state before a change that the log still holds.
import type { Database, RootDatabase } from 'lmdb';
import type { KubeObject } from '../../core/api/objects.ts';
import type { LoggedChange } from '../../core/store/change-log.ts';
import { keyFromOrder, orderOf } from '../../core/store/image.ts';
import { freeze } from '../../core/store/revision.ts';
import type { Change, Resource, Revision, StoredObject } from '../../core/store/store.ts';

/** Rises with every change that an older program would misread. 2: writes may still be in the journal. */
export const formatVersion = 2;

export interface Tables {
  root: RootDatabase<Buffer, string>;
  rows: Database<Buffer, [Resource, Revision]>;
  index: Database<number, [Resource, string]>;
  meta: Database<number, string | [string, Resource]>;
}

/** The part of a change that is read without decoding the object. */
export interface RowHeader {
  type: Change['type'];
  order: string;
  previousRevision: Revision;
  at: number;
}

const types = { A: 'ADDED', M: 'MODIFIED', D: 'DELETED' } as const;
const newline = 10;

function rowText({ type, key, previousRevision, at, object }: LoggedChange): string {
  return `${JSON.stringify([type[0], orderOf(key), previousRevision, at])}\n${JSON.stringify(object)}`;
}

/** One buffer holds them all: thousands of little ones would be freed one by one, and leave holes in the process's memory. */
export function encodeRows(changes: readonly LoggedChange[]): (readonly [Revision, Buffer])[] {
  const texts = changes.map(rowText);
  const together = Buffer.from(texts.join(''));
  let end = 0;
  return texts.map((text, i) => {
    const start = end;
    end += Buffer.byteLength(text);
    return [changes[i]!.revision, together.subarray(start, end)] as const;
  });
}

export function decodeHeader(row: Buffer): RowHeader {
  const [type, order, previousRevision, at] = JSON.parse(row.toString('utf8', 0, row.indexOf(newline)));
  return { type: types[type as keyof typeof types], order, previousRevision, at };
}

export const decodeObject = (row: Buffer): KubeObject =>
  freeze(JSON.parse(row.toString('utf8', row.indexOf(newline) + 1)) as KubeObject);

function objectAt(tables: Tables, resource: Resource, revision: Revision): KubeObject {
  const row = tables.rows.get([resource, revision]);
  if (!row) throw new Error(`the store has lost revision ${revision} of ${resource}`);
  return decodeObject(row);
}

/** An object as it stands, decoded when it is looked at, and again once nobody holds it any more if it is not to be kept. */
export class StoredRow implements StoredObject {
  readonly revision: Revision;
  readonly #tables: Tables;
  readonly #resource: Resource;
  readonly #keep: boolean;
  #object: { deref(): KubeObject | undefined } | undefined;

  constructor(tables: Tables, resource: Resource, revision: Revision, keep: boolean, object?: KubeObject) {
    this.#tables = tables;
    this.#resource = resource;
    this.revision = revision;
    this.#keep = keep;
    if (object) this.#hold(object);
  }

  get object(): KubeObject {
    return this.#object?.deref() ?? this.#hold(objectAt(this.#tables, this.#resource, this.revision));
  }

  #hold(object: KubeObject): KubeObject {
    this.#object = this.#keep ? { deref: () => object } : new WeakRef(object);
    return object;
  }
}

/** A change as the log table holds it; its objects are decoded when they are first looked at. */
export class LoggedRow implements LoggedChange {
  readonly type: Change['type'];
  readonly key: LoggedChange['key'];
  readonly revision: Revision;
  readonly previousRevision: Revision;
  readonly at: number;
  readonly #tables: Tables;
  readonly #resource: Resource;

  constructor(tables: Tables, resource: Resource, revision: Revision, row: Buffer) {
    const header = decodeHeader(row);
    this.type = header.type;
    this.key = keyFromOrder(header.order);
    this.revision = revision;
    this.previousRevision = header.previousRevision;
    this.at = header.at;
    this.#tables = tables;
    this.#resource = resource;
  }

  get object(): KubeObject {
    return objectAt(this.#tables, this.#resource, this.revision);
  }

  get previous(): KubeObject | undefined {
    return this.previousRevision ? objectAt(this.#tables, this.#resource, this.previousRevision) : undefined;
  }

  /** A plain change that no longer needs the database. */
  read(): LoggedChange {
    const { type, key, revision, previousRevision, at, object, previous } = this;
    return { type, key, revision, previousRevision, at, object, ...(previous ? { previous } : {}) };
  }
}

/** The rows after `since` up to and with `upTo`, in order. */
export function readLog(
  tables: Tables,
  resource: Resource,
  since: Revision,
  upTo: Revision,
  limit = Number.POSITIVE_INFINITY,
): LoggedRow[] {
  const range = tables.rows.getRange({
    start: [resource, since + 1],
    end: [resource, upTo + 1],
    ...(Number.isFinite(limit) ? { limit } : {}),
  });
  return Array.from(range, ({ key, value }) => new LoggedRow(tables, resource, key[1], value));
}
