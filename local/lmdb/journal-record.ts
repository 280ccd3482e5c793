// How the journal looks (see journal.ts). A record is one batch of the writer:
//   magic, payload length (4 bytes each), database (8), sequence (8), CRC-32 of the rest (4), payload
//   payload: a JSON line [[resource, head, [[revision, row length], ...]], ...], then the rows as the database holds them
// A record counts only whole, of this database, and with a higher sequence than the one before it: what else lies behind the
// last one (zeros, a torn record, records of an earlier round) ends the run. Integers are little-endian.
import { crc32 } from 'node:zlib';
import type { Resource, Revision } from '../../core/store/store.ts';

/** A batch's writes to one resource. */
export interface BatchPart {
  resource: Resource;
  /** The newest revision once the batch is written. */
  head: Revision;
  rows: readonly (readonly [Revision, Buffer])[];
}

/** One transaction of the writer. */
export interface Batch {
  /** Counts the batches of a database, from 1. */
  sequence: number;
  parts: readonly BatchPart[];
}

/** An acknowledged record can no longer be read. */
export class JournalDamaged extends Error {
  constructor(why: string) {
    super(`the store's journal is damaged: ${why}`);
    this.name = 'JournalDamaged';
  }
}

const magic = 0x314a4c53; // "SLJ1"
const newline = 10;
export const headerBytes = 28;
const checksumAt = 24;

/** `database`: an integer that no other database has. */
export function encodeRecord(database: number, { sequence, parts }: Batch): Buffer {
  const shape = parts.map(({ resource, head, rows }) => [resource, head, rows.map(([r, row]) => [r, row.length])]);
  const rows = parts.flatMap((part) => part.rows.map(([, row]) => row));
  const record = Buffer.concat([Buffer.alloc(headerBytes), Buffer.from(`${JSON.stringify(shape)}\n`), ...rows]);
  record.writeUInt32LE(magic, 0);
  record.writeUInt32LE(record.length - headerBytes, 4);
  record.writeBigUInt64LE(BigInt(database), 8);
  record.writeBigUInt64LE(BigInt(sequence), 16);
  record.writeUInt32LE(checksum(record), checksumAt);
  return record;
}

const checksum = (record: Buffer): number => crc32(record.subarray(headerBytes), crc32(record.subarray(0, checksumAt)));

/** Whether the header at the beginning of these bytes could be one. */
export const beginsRecord = (bytes: Buffer): boolean => bytes.readUInt32LE(0) === magic;

interface Found {
  sequence: number;
  record: Buffer;
}

/** What claims to be a record at this offset; `whole`: it is one. */
function recordAt(bytes: Buffer, at: number, database: number): (Found & { whole: boolean }) | undefined {
  if (at + headerBytes > bytes.length || bytes.readUInt32LE(at) !== magic) return undefined;
  const end = at + headerBytes + bytes.readUInt32LE(at + 4);
  if (end > bytes.length || bytes.readBigUInt64LE(at + 8) !== BigInt(database)) return undefined;
  const record = bytes.subarray(at, end);
  const sequence = Number(bytes.readBigUInt64LE(at + 16));
  return { sequence, record, whole: record.readUInt32LE(checksumAt) === checksum(record) };
}

/**
 * The records at the beginning of these bytes that come after `settled`, in order. What was settled may have been written over
 * in part. Throws JournalDamaged when a later record is torn and yet followed by the next one, which is written only after
 * the first was on the disk.
 */
export function readRun(bytes: Buffer, database: number, settled: number): Batch[] {
  const run: Batch[] = [];
  let last = 0;
  for (let at = 0; ; ) {
    const found = recordAt(bytes, at, database);
    if (!found || found.sequence <= last) return run;
    last = found.sequence;
    at += found.record.length;
    if (last <= settled) continue;
    if (found.whole) run.push(decodeBatch(found));
    else {
      const next = recordAt(bytes, at, database);
      if (next?.whole && next.sequence > last)
        throw new JournalDamaged(`record ${last} cannot be read, but the one after it can`);
      return run;
    }
  }
}

function decodeBatch({ sequence, record }: Found): Batch {
  const lineEnd = record.indexOf(newline, headerBytes);
  const shape = JSON.parse(record.toString('utf8', headerBytes, lineEnd)) as [
    Resource,
    Revision,
    [Revision, number][],
  ][];
  let at = lineEnd + 1;
  const parts = shape.map(([resource, head, lengths]) => {
    const rows = lengths.map(([revision, length]) => {
      at += length;
      return [revision, record.subarray(at - length, at)] as const;
    });
    return { resource, head, rows };
  });
  return { sequence, parts };
}
