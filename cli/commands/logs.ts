// slipway logs
import { closeSync, existsSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../../local/failure.ts';
import { clusterPaths } from '../../local/state/paths.ts';
import { logFile, readIfThere } from '../../local/state/spec.ts';
import { needsRoot } from '../as-root.ts';

export interface LogsOptions {
  name: string;
  lines?: number;
  follow?: boolean;
}

const followEveryMs = 100;

export async function logsCommand(part: string | undefined, options: LogsOptions): Promise<void> {
  const paths = clusterPaths(options.name);
  if (await needsRoot(paths)) return;
  const names = existsSync(paths.logs) ? readdirSync(paths.logs).filter((name) => name.endsWith('.log')) : [];
  const parts = names.map((name) => name.slice(0, -'.log'.length).replace(/\.(agent|containerd)$/, '/$1')).sort();
  if (part === undefined) {
    if (parts.length === 0) throw new Failure(`cluster "${options.name}" has no logs yet`, 'slipway up');
    process.stdout.write(
      parts.map((name) => `${name.padEnd(28)} ${join(paths.logs, `${name.replace('/', '.')}.log`)}\n`).join(''),
    );
    return;
  }
  if (!parts.includes(part))
    throw new Failure(`there is no log of "${part}"`, `parts: ${parts.join(', ') || 'none yet'}`);
  const file = logFile(paths, part);
  const text = readIfThere(file) ?? '';
  const shown =
    options.lines === undefined
      ? text
      : text
          .split('\n')
          .slice(-options.lines - 1)
          .join('\n');
  process.stdout.write(shown);
  if (options.follow) await follow(file, Buffer.byteLength(text));
}

/** Until Ctrl-C. A log that was cut off is read from its beginning. */
async function follow(file: string, from: number): Promise<never> {
  let position = from;
  const buffer = Buffer.alloc(64 * 1024);
  for (;;) {
    const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
    if (size < position) position = 0;
    if (size > position) {
      const open = openSync(file, 'r');
      const read = readSync(open, buffer, 0, buffer.length, position);
      closeSync(open);
      process.stdout.write(buffer.subarray(0, read).toString());
      position += read;
      continue;
    }
    await sleep(followEveryMs);
  }
}
