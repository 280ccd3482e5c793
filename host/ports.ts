// The clock and the ids that core asks of its host, as Node offers them.
import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import type { Clock, Ids } from '../core/ports.ts';

export const systemClock: Clock = {
  now: () => Date.now(),
  after(delayMs, callback) {
    // Node fires at once what is further away than a signed 32-bit number says.
    const timer = setTimeout(callback, Math.min(delayMs, 0x7fff_ffff));
    return () => clearTimeout(timer);
  },
};

/** No vowels, and nothing that looks like another: k8s.io/apimachinery/pkg/util/rand. */
const suffixAlphabet = 'bcdfghjklmnpqrstvwxz2456789';

export const randomIds: Ids = {
  uuid: () => randomUUID(),
  suffix: (length) => Array.from({ length }, () => suffixAlphabet[randomInt(suffixAlphabet.length)]).join(''),
  bytes: (length) => new Uint8Array(randomBytes(length)),
};
