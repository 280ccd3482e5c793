// One JSON object a line on standard output.
import type { Log, LogLevel } from '../core/ports.ts';

const order: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

export function jsonLog(lowest: LogLevel, fixed: Record<string, unknown>): Log {
  return (level, event, fields) => {
    if (order[level] < order[lowest]) return;
    process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), level, event, ...fixed, ...fields })}\n`);
  };
}
