// The clock and the ids of a real machine, for core.
import { randomBytes, randomUUID } from 'node:crypto';
import type { Log, Ports } from '../core/ports.ts';

/** Letters that Kubernetes uses for generated names: none that make words or are easily confused. */
const letters = 'bcdfghjklmnpqrstvwxz2456789';

export const machinePorts = (log: Log): Ports => ({
  clock: {
    now: () => Date.now(),
    after: (delayMs, callback) => {
      const timer = setTimeout(callback, delayMs);
      return () => clearTimeout(timer);
    },
  },
  ids: {
    uuid: () => randomUUID(),
    suffix: (length) => Array.from(randomBytes(length), (byte) => letters[byte % letters.length]).join(''),
    bytes: (length) => randomBytes(length),
  },
  log,
});
