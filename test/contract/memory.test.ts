import { MemoryStore } from '../../core/store/memory.ts';
import { storeContract } from './store.ts';

storeContract('memory', async (options = {}) => {
  const store = new MemoryStore(options);
  // Any write or read of the log drops what is too old.
  return { store, countsRemaining: true, expire: async () => undefined, dispose: () => store.close() };
});
