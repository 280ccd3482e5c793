// What invokes a reacting function: a batch of the change table's stream, delayed wishes from its queue, or the tick. All of
// them say "look"; a batch also says what changed, so that what was seen already costs nothing.
import type { DynamoDBRecord, SQSRecord } from 'aws-lambda';
import type { Change } from '../../core/store/store.ts';
import type { Wake } from './reaction.ts';

/** A change row of the stream, decoded; without a change it was a void row. */
export interface StreamChange {
  resource: string;
  revision: number;
  change?: Change;
  sequenceNumber: string;
}

/** Decodes stream records. Throws for one that it cannot read. */
export type Decode = (records: readonly DynamoDBRecord[]) => readonly StreamChange[];

/** From the tick, or from another function. */
export interface Call {
  /** RFC 3339: the tick's own time, which one clock gives for all of them. */
  tick?: string;
  /** Look at the leases of the nodes. */
  look?: boolean;
  /** Look at everything again. */
  resync?: boolean;
}

export type FunctionEvent = { Records: readonly (DynamoDBRecord | SQSRecord)[] } | Call;

export interface Invocation {
  /** Undefined: look at everything. */
  wakes: readonly Wake[] | undefined;
  changes: readonly StreamChange[];
  /** Identifiers of records that could not be read: they are tried again and end in the dead-letter queue. */
  poisoned: readonly string[];
  /** Identifier to fail when nothing could be done: everything from it on is delivered again. */
  first: string | undefined;
  /** All identifiers: of a queue each stands for itself. */
  all: readonly string[];
  call: Call;
}

const isStream = (record: DynamoDBRecord | SQSRecord): record is DynamoDBRecord => 'dynamodb' in record;

export function readEvent(event: FunctionEvent, decode: Decode): Invocation {
  const empty = { changes: [], poisoned: [], first: undefined, all: [], call: {} };
  if (!('Records' in event)) return { ...empty, wakes: undefined, call: event };
  const stream = event.Records.filter(isStream);
  if (stream.length === 0) {
    const all = event.Records.map((record) => (record as SQSRecord).messageId);
    return { ...empty, wakes: undefined, first: all[0], all };
  }
  const changes: StreamChange[] = [];
  const poisoned: string[] = [];
  for (const record of stream) {
    try {
      changes.push(...decode([record]));
    } catch {
      poisoned.push(record.dynamodb?.SequenceNumber ?? '');
    }
  }
  const all = stream.map(({ dynamodb }) => dynamodb?.SequenceNumber ?? '');
  // What a record that cannot be read was about is not known: everything is looked at.
  const wakes = poisoned.length > 0 ? undefined : changes.map(({ resource, revision }) => ({ resource, revision }));
  return { ...empty, wakes, changes, poisoned, first: all[0], all };
}

export interface BatchResponse {
  batchItemFailures: { itemIdentifier: string }[];
}

export const failuresOf = (identifiers: readonly string[]): BatchResponse => ({
  batchItemFailures: identifiers.map((itemIdentifier) => ({ itemIdentifier })),
});
