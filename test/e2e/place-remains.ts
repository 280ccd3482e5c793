// node place-remains.ts HOME NAME: takes down the cluster of a test that was broken off, and removes its home.
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { processesNaming } from '../../local/remains/containers.ts';
import { run } from '../../local/run.ts';
import { door, downArguments } from './cluster.ts';

const [home, name] = process.argv.slice(2) as [string, string];

// A command that was at work goes on by itself, and holds the cluster's lock until it is done.
for (let round = 0; round < 600 && processesNaming(name).length > 0; round++) await sleep(100);
const { code } = await run(process.execPath, [door, ...downArguments, '--name', name]);
rmSync(home, { recursive: true, force: true });
process.exitCode = code;
