// producer: puts a job every so often. A job's name is its own choice, so that putting it again does no harm.
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { ask } from './ask.ts';

const restMs = Number(process.env['REST_MS'] ?? 700);
const workMs = Number(process.env['WORK_MS'] ?? 3_000);
/** Tells this start of the program from others of the same pod. */
const start = Date.now().toString(36);

let stops = false;
process.once('SIGTERM', () => {
  stops = true;
});
for (let number = 1; !stops; number++) {
  const { status } = await ask('PUT', `/jobs/${hostname()}-${start}-${number}`, { takesMs: workMs });
  if (status >= 300) console.error(`job ${number} was refused: ${status}`);
  await sleep(restMs);
}
