// worker: takes a job, does it, acknowledges it. SIGTERM waits for the job at hand; what ends it sooner leaves the job to others.
import { setTimeout as sleep } from 'node:timers/promises';
import { ask } from './ask.ts';
import type { Taken } from './jobs.ts';

const restMs = 500;
let stops = false;
process.once('SIGTERM', () => {
  stops = true;
});

/** Work is a matter of time, here. */
async function work({ work: given }: Taken): Promise<void> {
  const { takesMs } = given as { takesMs?: unknown };
  await sleep(typeof takesMs === 'number' ? takesMs : 0);
}

while (!stops) {
  const response = await ask('POST', '/take');
  if (response.status !== 200) {
    await sleep(restMs);
    continue;
  }
  const job = (await response.json()) as Taken;
  await work(job);
  const { status } = await ask('PUT', `/done/${job.id}?receipt=${job.receipt}`);
  console.log(status === 204 ? `did ${job.id}` : `did ${job.id}, which was given to another meanwhile`);
}
