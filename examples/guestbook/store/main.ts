// store: a list of JSON values, one a line of a file, newest last. What was answered with 201 is on the disk.
import { createHash, timingSafeEqual } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { bodyOf, json, Refusal, type Reply, serve } from '../service.ts';

/** How many are shown. */
const shown = 100;
const file = await open(join(process.env['DATA'] ?? '/data', 'entries.jsonl'), 'a+');
const text = await file.readFile('utf8');
// A line without an end was being written when the power went, and nobody was told that it is there.
const whole = text.slice(0, text.lastIndexOf('\n') + 1);
await file.truncate(Buffer.byteLength(whole));
const entries: unknown[] = whole
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line));
console.log(`${entries.length} entries are here`);

const digest = (value: string): Buffer => createHash('sha256').update(value).digest();
const expected = digest(`Bearer ${process.env['TOKEN'] ?? ''}`);

/** Writes follow one another. */
let last: Promise<void> = Promise.resolve();

function append(entry: unknown): Promise<void> {
  const write = async (): Promise<void> => {
    await file.appendFile(`${JSON.stringify(entry)}\n`);
    await file.datasync();
    entries.push(entry);
  };
  last = last.then(write).catch((error: Error) => {
    console.error('what is on the disk is not known any more; the next start finds out:', error);
    process.exit(1);
  });
  return last;
}

async function handle(request: IncomingMessage): Promise<Reply> {
  if (!timingSafeEqual(digest(request.headers.authorization ?? ''), expected)) throw new Refusal(401, 'who are you?');
  if (request.url !== '/entries') throw new Refusal(404, 'there is no such resource');
  if (request.method === 'GET') return json(200, entries.slice(-shown).reverse());
  if (request.method !== 'POST') return json(405, { message: 'GET or POST' }, { allow: 'GET, POST' });
  const entry: unknown = JSON.parse(await bodyOf(request));
  await append(entry);
  return json(201, entry);
}

serve('store', handle);
