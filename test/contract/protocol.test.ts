// The revision protocol on tables in memory keeps the contract: what holds here holds for whoever carries its operations out.
import { randomUUID } from 'node:crypto';
import type { Ports } from '../../core/ports.ts';
import { ProtocolStore } from '../../core/store/protocol/store.ts';
import { Table } from '../model/table.ts';
import { storeContract } from './store.ts';
import type { Subject, SubjectOptions } from './subject.ts';

async function protocolSubject({ now = Date.now, limits }: SubjectOptions = {}): Promise<Subject> {
  const table = new Table();
  const clock: Ports['clock'] = {
    now,
    after(delayMs, callback) {
      const timer = setTimeout(callback, delayMs);
      return () => clearTimeout(timer);
    },
  };
  const ids: Ports['ids'] = {
    uuid: () => randomUUID(),
    suffix: (length) => randomUUID().slice(0, length),
    bytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
  };
  const open = () =>
    new ProtocolStore({
      execute: async (op) => ({ ended: 'done', value: table.apply(op) }),
      ports: { clock, ids, log: () => undefined },
      ...(limits ? { limits } : {}),
    });
  let store = open();
  return {
    store,
    countsRemaining: false,
    expire: () => store.tidyUp(),
    async reopen() {
      await store.close();
      store = open();
      return store;
    },
    dispose: () => store.close(),
  };
}

storeContract('the revision protocol', protocolSubject);
