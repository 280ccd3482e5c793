// web: the page, and what the page asks of the API. The only part that people see.
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { bodyOf, call, json, type Reply, serve } from '../service.ts';

const api = process.env['API'] ?? 'http://api';
const escaped = (text: string): string => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
const page = readFileSync(new URL('page.html', import.meta.url), 'utf8').replaceAll(
  '{{title}}',
  escaped(process.env['TITLE'] ?? 'Guestbook'),
);

async function handle(request: IncomingMessage): Promise<Reply> {
  const { method, url = '/' } = request;
  if (method === 'GET' && url === '/')
    return { status: 200, headers: { 'content-type': 'text/html; charset=utf-8' }, body: page };
  if (!url.startsWith('/api/')) return json(404, { message: 'there is no such page' });
  const body = method === 'POST' ? await bodyOf(request) : undefined;
  return call(`${api}${url.slice('/api'.length)}`, { method, body, headers: { 'content-type': 'application/json' } });
}

serve('web', handle);
