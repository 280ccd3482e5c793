// The log of a process: one JSON object a line.
import { closeSync, openSync, writeSync } from 'node:fs';
import type { Log, LogLevel } from '../core/ports.ts';

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
