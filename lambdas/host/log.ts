// The log of a function: one JSON object a line on standard output, which Lambda brings to CloudWatch.
// https://docs.aws.amazon.com/lambda/latest/dg/nodejs-logging.html
import type { Log, LogLevel } from '../../core/ports.ts';

const levels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

export const lambdaLog =
  (least: LogLevel, write: (line: string) => void = (line) => void process.stdout.write(line)): Log =>
  (level, event, fields = {}) => {
    if (levels.indexOf(level) < levels.indexOf(least)) return;
    write(`${JSON.stringify({ time: new Date().toISOString(), level, event, ...fields })}\n`);
  };
