// Opens (or makes) the database of a data directory: one process at a time, readable by its owner only, and never one
// that a newer Slipway wrote.
import { randomInt } from 'node:crypto';
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { open } from 'lmdb';
import { together, transaction, writeBatches } from './backlog.ts';
import { lockDirectory } from './directory-lock.ts';
import { defaultHalfBytes, Journal, openJournalFile } from './journal.ts';
import type { Tables } from './rows.ts';
import { formatVersion } from './rows.ts';

export class DataDirectoryNewer extends Error {
  constructor(directory: string, found: number) {
    super(
      `${directory} was written by a newer Slipway (format ${found}; this one reads up to ${formatVersion}). ` +
        'Use that version, or another data directory.',
    );
    this.name = 'DataDirectoryNewer';
  }
}

export interface Opened {
  tables: Tables;
  journal: Journal;
  close(): Promise<void>;
}

/** `halfBytes`: of the journal of a new database. Everything that was acknowledged is in the tables once it resolves. */
export async function openDatabase(directory: string, halfBytes = defaultHalfBytes): Promise<Opened> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const unlock = await lockDirectory(directory);
  const undo: (() => unknown)[] = [unlock];
  const close = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const tables = openTables(directory);
    undo.push(() => tables.root.close());
    await prepare(directory, tables, halfBytes);
    const journal = openJournal(directory, tables);
    undo.push(() => journal.close());
    await replay(tables, journal);
    return { tables, journal, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Names a new database, or one of a version without a journal. */
async function prepare(directory: string, tables: Tables, halfBytes: number): Promise<void> {
  const { meta } = tables;
  const found = meta.get('format') ?? 0;
  if (found > formatVersion) throw new DataDirectoryNewer(directory, found);
  if (found === formatVersion) return;
  await transaction(tables, () => {
    together(meta.put('database', randomInt(2 ** 48 - 1)));
    together(meta.put('journal', 0));
    together(meta.put('journalHalf', halfBytes));
    together(meta.put('format', formatVersion));
  });
}

function openJournal(directory: string, { meta }: Tables): Journal {
  const halfBytes = meta.get('journalHalf') ?? defaultHalfBytes;
  const file = openJournalFile(directory, halfBytes * 2);
  return new Journal(file, meta.get('database') ?? 0, meta.get('journal') ?? 0, halfBytes);
}

/** What was acknowledged and not yet in the tables when the process ended. */
async function replay(tables: Tables, journal: Journal): Promise<void> {
  const batches = journal.unsettled();
  const last = batches.at(-1);
  if (!last) return;
  await writeBatches(tables, batches);
  journal.settle(last.sequence);
}

/**
 * Bytes of address space that the file is mapped into. lmdb would start with 128 KiB and map the file again as it grows, and never
 * let go of the earlier maps. Above this it still does.
 */
const mapSize = 2 ** 30;

/** Rows of pods and larger objects are compressed by lmdb's writer thread (LZ4); smaller ones are not worth its time. */
const compressedFromBytes = 2_048;

function openTables(directory: string): Tables {
  // Plain LMDB syncing: a commit has synced its pages and then its meta page before it resolves, so that the journal may be
  // written over. Overlapping syncs would resolve before that.
  const root = open<Buffer, string>({
    path: directory,
    noSubdir: false,
    mapSize,
    overlappingSync: false,
    // The writer batches by itself; lmdb's own batches leave rejections behind that nobody can handle.
    eventTurnBatching: false,
    encoding: 'binary',
    maxDbs: 8,
    permissions: 0o600,
  } as Parameters<typeof open>[0]);
  for (const file of ['data.mdb', 'lock.mdb']) chmodSync(join(directory, file), 0o600);
  return {
    root: root as Tables['root'],
    rows: root.openDB({ name: 'rows', encoding: 'binary', compression: { threshold: compressedFromBytes } }),
    index: root.openDB({ name: 'index', encoding: 'ordered-binary' }),
    meta: root.openDB({ name: 'meta', encoding: 'ordered-binary' }),
  };
}
