// The journal before the database: a batch is on the disk, and so acknowledged, by one write into a file whose blocks are all
// there already and one sync of its data; LMDB takes two syncs and the writing of pages for the same. The database follows
// some batches later (backlog.ts), and what it had not yet taken when the process died is replayed at the next start.
// The file is two halves, written in turns: one is begun anew when the database holds all that was in it.
import { closeSync, constants, fdatasync, fstatSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { type Batch, beginsRecord, encodeRecord, headerBytes, JournalDamaged, readRun } from './journal-record.ts';

/** What the journal needs of a file; a write may be torn by the loss of power, but not once `sync` has resolved. */
export interface JournalFile {
  write(bytes: Uint8Array, position: number): void;
  sync(): Promise<void>;
  read(position: number, length: number): Buffer;
  close(): void;
}

const syncData = promisify(fdatasync);
const zeroBytes = 64 * 1024;

/** Makes a file of that many zeros, on the disk and not only promised by it, unless it is there. Only its owner may read it. */
export function openJournalFile(directory: string, bytes: number): JournalFile {
  const path = join(directory, 'journal');
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  const writeAll = (from: Uint8Array, position: number): void => {
    for (let done = 0; done < from.length; ) done += writeSync(fd, from, done, from.length - done, position + done);
  };
  try {
    const { size } = fstatSync(fd);
    if (size < bytes) {
      const zeros = Buffer.alloc(zeroBytes);
      for (let at = size; at < bytes; at += zeroBytes) writeAll(zeros.subarray(0, bytes - at), at);
      fsyncSync(fd);
      const parent = openSync(dirname(path), constants.O_RDONLY);
      fsyncSync(parent);
      closeSync(parent);
    }
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return {
    write: writeAll,
    sync: () => syncData(fd),
    read(position, length) {
      const read = Buffer.alloc(length);
      for (let done = 0; done < length; ) {
        const more = readSync(fd, read, done, length - done, position + done);
        if (more === 0) break;
        done += more;
      }
      return read;
    },
    close: () => closeSync(fd),
  };
}

/** Holds 1,000 pods' changes and more; the file is twice as long. */
export const defaultHalfBytes = 4 * 1024 * 1024;

export class Journal {
  readonly #file: JournalFile;
  readonly #database: number;
  readonly #halfBytes: number;
  /** The database holds every batch up to this one. */
  #settled: number;
  #half = 0;
  #offset = 0;
  /** The newest sequence in each half. */
  readonly #newest: [number, number] = [0, 0];
  /** A batch whose record may be on the disk although it was not acknowledged. */
  #doubtful = 0;

  constructor(file: JournalFile, database: number, settled: number, halfBytes: number) {
    this.#file = file;
    this.#database = database;
    this.#settled = settled;
    this.#halfBytes = halfBytes;
  }

  /** The batches that the database has not taken, in order. Throws JournalDamaged when one of them is missing. */
  unsettled(): Batch[] {
    const batches = [0, this.#halfBytes]
      // A half that was never begun is not worth its memory.
      .filter((at) => beginsRecord(this.#file.read(at, headerBytes)))
      .flatMap((at) => readRun(this.#file.read(at, this.#halfBytes), this.#database, this.#settled))
      .sort((a, b) => a.sequence - b.sequence);
    batches.forEach(({ sequence }, index) => {
      const expected = this.#settled + 1 + index;
      if (sequence !== expected) throw new JournalDamaged(`batch ${expected} is missing before batch ${sequence}`);
    });
    return batches;
  }

  /** Whether there is room for a record; if not, there may be when the database has taken what is waiting. */
  #room(length: number): boolean {
    if (this.#doubtful > this.#settled || length > this.#halfBytes) return false;
    if (this.#offset + length <= this.#halfBytes) return true;
    return this.#newest[1 - this.#half]! <= this.#settled;
  }

  /** Resolves true once the batch is on the disk, false when there is no room for it. Rejects when the disk fails. */
  async append(batch: Batch): Promise<boolean> {
    const record = encodeRecord(this.#database, batch);
    if (!this.#room(record.length)) return false;
    if (this.#offset + record.length > this.#halfBytes) {
      this.#half = 1 - this.#half;
      this.#offset = 0;
    }
    this.#doubtful = batch.sequence;
    this.#file.write(record, this.#half * this.#halfBytes + this.#offset);
    await this.#file.sync();
    this.#doubtful = 0;
    this.#offset += record.length;
    this.#newest[this.#half] = batch.sequence;
    return true;
  }

  /**
   * After a failed append whose batch was not written otherwise either: makes sure that no later start finds it. False when
   * the disk refuses that too. Nothing is appended before the database has gone past it.
   */
  async withdraw(): Promise<boolean> {
    if (this.#doubtful === 0) return true;
    try {
      this.#file.write(Buffer.alloc(headerBytes), this.#half * this.#halfBytes + this.#offset);
      await this.#file.sync();
      return true;
    } catch {
      return false;
    }
  }

  /** The database holds every batch up to this one. */
  settle(sequence: number): void {
    this.#settled = sequence;
  }

  close(): void {
    this.#file.close();
  }
}
