// The ports that core asks of its host, as Node offers them.
import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import type { Clock, Ids, Log, LogLevel } from '../core/ports.ts';

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

const levels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

export interface LogFile {
  log: Log;
  close(): void;
}

/** One JSON object a line; to standard error when no file is given. Lines are written at once: the last one before a crash counts. */
export function openLog(file: string | undefined, least: LogLevel): LogFile {
  const descriptor = file ? openSync(file, 'a', 0o600) : 2;
  const log: Log = (level, event, fields = {}) => {
    if (levels.indexOf(level) < levels.indexOf(least)) return;
    writeSync(descriptor, `${JSON.stringify({ time: new Date().toISOString(), level, event, ...fields })}\n`);
  };
  return { log, close: () => (file ? closeSync(descriptor) : undefined) };
}
