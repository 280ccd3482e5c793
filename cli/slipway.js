#!/usr/bin/env node
// The door: plain JavaScript without dependencies, for whatever Node (20 or later) the system has. Installs the npm packages
// when they are missing, then hands over to the project's own Node 24, which runs TypeScript.
import { spawn } from 'node:child_process';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureDependencies } from '../scripts/dependencies.js';

let node;
try {
  node = ensureDependencies();
} catch (error) {
  process.stderr.write(`slipway: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
// what Node compiled once it need not compile again: halves the start of every part, all of which inherit this
process.env.NODE_COMPILE_CACHE ??= join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'slipway');
const child = spawn(node, [fileURLToPath(new URL('main.ts', import.meta.url)), ...process.argv.slice(2)], {
  stdio: 'inherit',
});
// a terminal sends Ctrl-C to the whole group: the child hears it itself and cleans up, so this one only has to wait
process.on('SIGINT', () => {});
for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('error', (error) => {
  process.stderr.write(`slipway: ${error.message}\n`);
  process.exit(1);
});
child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)));
