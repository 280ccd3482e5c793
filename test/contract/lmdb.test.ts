import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LmdbStore } from '../../local/lmdb/store.ts';
import { openLmdbStore } from '../../local/lmdb/store.ts';
import { storeContract } from './store.ts';
import type { Subject, SubjectOptions } from './subject.ts';

async function lmdbSubject(options: SubjectOptions = {}): Promise<Subject> {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-store-'));
  const open = (): Promise<LmdbStore> => openLmdbStore({ directory, ...options });
  let store = await open();
  return {
    store,
    countsRemaining: true,
    expire: () => store.compact(),
    async reopen() {
      await store.close();
      store = await open();
      return store;
    },
    async dispose() {
      await store.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

storeContract('LMDB', lmdbSubject);
