// api: says what an entry is, and keeps them in the store, for which it has the token. It has no state of its own.
import type { IncomingMessage } from 'node:http';
import { bodyOf, call, json, Refusal, type Reply, serve } from '../service.ts';

const store = process.env['STORE'] ?? 'http://store';
const authorization = `Bearer ${process.env['TOKEN'] ?? ''}`;
const longest = { name: 50, text: Number(process.env['LONGEST_TEXT'] ?? 500) };

/** A field of what came, without space around it. */
function field(given: unknown, key: 'name' | 'text'): string {
  const value = typeof given === 'object' && given !== null ? Reflect.get(given, key) : undefined;
  if (typeof value !== 'string' || value.trim() === '') throw new Refusal(400, `"${key}" is missing`);
  if (value.length > longest[key]) throw new Refusal(400, `"${key}" has more than ${longest[key]} characters`);
  return value.trim();
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Refusal(400, 'that is not JSON');
  }
}

async function handle(request: IncomingMessage): Promise<Reply> {
  if (request.url !== '/entries') throw new Refusal(404, 'there is no such resource');
  if (request.method === 'GET') return call(`${store}/entries`, { headers: { authorization } });
  if (request.method !== 'POST') return json(405, { message: 'GET or POST' }, { allow: 'GET, POST' });
  const given = parsed(await bodyOf(request));
  const entry = { name: field(given, 'name'), text: field(given, 'text'), time: new Date().toISOString() };
  return call(`${store}/entries`, { method: 'POST', headers: { authorization }, body: JSON.stringify(entry) });
}

serve('api', handle);
