// Four visitors of the guestbook who never rest, and what they were told: npx node examples/guestbook/visitors.ts http://ADDRESS:PORT
import { setTimeout as sleep } from 'node:timers/promises';

const address = process.argv[2];
if (!address) throw new Error('say where the guestbook is: http://ADDRESS:PORT');
const visitors = 4;
const restMs = 50;
const patienceMs = 60_000;
const failures: string[] = [];
/** Answers by the versions that gave them. */
const answers: Record<string, number> = {};
let answered = 0;
let open = true;

async function ask(path: string): Promise<void> {
  try {
    const response = await fetch(new URL(path, address), { signal: AbortSignal.timeout(patienceMs) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${response.status} ${text}`);
    answered += 1;
    for (const part of ['web', 'api']) {
      const version = response.headers.get(`x-${part}`)?.split(' ').at(-1);
      if (version) answers[`${part} ${version}`] = (answers[`${part} ${version}`] ?? 0) + 1;
    }
  } catch (error) {
    const { message, cause } = error as Error;
    failures.push(`${path}: ${message} ${cause ?? ''}`);
  }
}

async function visit(): Promise<void> {
  while (open) {
    await ask('/');
    await ask('/api/entries');
    await sleep(restMs);
  }
}

function tell(): void {
  const by = Object.entries(answers)
    .sort()
    .map(([who, times]) => `${who}: ${times}`);
  console.log(`${answered} answered (${by.join(', ')}), ${failures.length} failed`);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => (open = false));
const timer = setInterval(tell, 1_000);
await Promise.all(Array.from({ length: visitors }, visit));
clearInterval(timer);
for (const failure of failures.slice(0, 20)) console.log(failure);
tell();
process.exitCode = failures.length > 0 ? 1 : 0;
