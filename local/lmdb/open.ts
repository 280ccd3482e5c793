// Opens (or makes) the database of a data directory: one process at a time, readable by its owner only, and never one
// that a newer Slipway wrote.
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { open } from 'lmdb';
import { lockDirectory } from './directory-lock.ts';
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
  close(): Promise<void>;
}

export async function openDatabase(directory: string): Promise<Opened> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const unlock = await lockDirectory(directory);
  try {
    const tables = openTables(directory);
    const found = tables.meta.get('format');
    if (found !== undefined && found > formatVersion) {
      await tables.root.close();
      throw new DataDirectoryNewer(directory, found);
    }
    if (found === undefined) await tables.meta.put('format', formatVersion);
    const close = async (): Promise<void> => {
      await tables.root.close();
      unlock();
    };
    return { tables, close };
  } catch (error) {
    unlock();
    throw error;
  }
}

/** Rows of pods and larger objects are compressed by lmdb's writer thread (LZ4); smaller ones are not worth its time. */
const compressedFromBytes = 2_048;

function openTables(directory: string): Tables {
  // Plain LMDB syncing: a commit has synced its pages and then its meta page before it is acknowledged, so that it
  // survives the loss of power and not only of the process. Overlapping syncs would acknowledge before that.
  const root = open<Buffer, string>({
    path: directory,
    noSubdir: false,
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
