// node scripts/run.js FILE.ts [ARG ...]: runs a TypeScript file of the project on its own Node 24, installing packages first if needed.
import { spawn } from 'node:child_process';
import { ensureDependencies } from './dependencies.js';

const child = spawn(ensureDependencies({ development: true }), process.argv.slice(2), { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
