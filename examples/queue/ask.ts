// How producers and workers ask the queue: until it answers. It may be restarting, or be on its way to another node.
import { setTimeout as sleep } from 'node:timers/promises';

const queue = process.env['QUEUE'] ?? 'http://queue';
const restMs = 1_000;
const patienceMs = 20_000;

export async function ask(method: 'PUT' | 'POST', path: string, body?: unknown): Promise<Response> {
  for (;;) {
    try {
      const response = await fetch(new URL(path, queue), {
        method,
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: AbortSignal.timeout(patienceMs),
      });
      if (response.status < 500) return response;
      console.log(`${method} ${path}: ${response.status}`);
    } catch (error) {
      console.log(`${method} ${path}: ${error}`);
    }
    await sleep(restMs);
  }
}
