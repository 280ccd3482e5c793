// queue: takes jobs from producers and gives them to workers, over HTTP. What it has answered is on its disk.
//   PUT  /jobs/ID           the body is the work; 201, or 200 when it is there already
//   POST /take              {id, work, receipt}, or 204 when nothing waits
//   PUT  /done/ID?receipt=N 204; 410 when the job was given back meanwhile, and is somebody else's
import { open } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { type Job, Jobs } from './jobs.ts';

/** A line of the journal. */
type Line = { put: Job } | { done: string };

const longestBody = 64 * 1024;
const jobs = new Jobs(Number(process.env['VISIBILITY_SECONDS'] ?? 10) * 1000);
const journal = await open(join(process.env['DATA'] ?? '/data', 'journal.jsonl'), 'a+');
const text = await journal.readFile('utf8');
// A line without an end was being written when the power went, and nobody was told that it is there.
const whole = text.slice(0, text.lastIndexOf('\n') + 1);
await journal.truncate(Buffer.byteLength(whole));
for (const line of whole.split('\n').filter((some) => some !== '')) apply(JSON.parse(line));

function apply(line: Line): void {
  if ('put' in line) jobs.put(line.put);
  else jobs.finish(line.done);
}

/** Lines follow one another. A disk that fails ends the program: its next start finds out what is there. */
let last: Promise<void> = Promise.resolve();

function write(line: Line): Promise<void> {
  last = last
    .then(() => journal.appendFile(`${JSON.stringify(line)}\n`))
    .then(() => journal.datasync())
    .then(() => apply(line))
    .catch((error: Error) => {
      console.error(error);
      process.exit(1);
    });
  return last;
}

async function answer(request: IncomingMessage): Promise<[status: number, value?: unknown]> {
  const url = new URL(request.url ?? '/', 'http://queue');
  const [, what, id = ''] = url.pathname.split('/');
  const order = `${request.method} ${what}`;
  if (order === 'GET readyz') return [200];
  if (order === 'GET counts') return [200, jobs.counts];
  if (order === 'POST take') {
    const taken = jobs.take(performance.now());
    return taken ? [200, taken] : [204];
  }
  if (order === 'PUT jobs' && id) {
    if (!(Number(request.headers['content-length']) <= longestBody)) return [413];
    const work = await json(request).catch(() => undefined);
    if (work === undefined) return [400];
    if (jobs.has(id)) return [200];
    await write({ put: { id, work } });
    return [201];
  }
  if (order === 'PUT done' && id) {
    if (!jobs.holds(id, Number(url.searchParams.get('receipt')))) return [410];
    await write({ done: id });
    return [204];
  }
  return [404];
}

const server = createServer(async (request, response) => {
  const [status, value] = await answer(request).catch((error: Error): [number] => {
    console.error(error);
    return [500];
  });
  response.writeHead(status).end(value === undefined ? undefined : JSON.stringify(value));
});
server.listen(8080);
process.once('SIGTERM', () => server.close(() => process.exit(0)));

let told = '';
setInterval(() => {
  jobs.giveBack(performance.now());
  const { put, waiting, taken, done, givenBack } = jobs.counts;
  const now = `${put} put: ${waiting} waiting, ${taken} taken, ${done} done; ${givenBack} given back`;
  if (now !== told) console.log((told = now));
}, 500);
