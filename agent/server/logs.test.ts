import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import type { ServedPod } from '../server-port.ts';
import { type LogOptions, logOptions, logSource, readLog } from './logs.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'slipway-logs-'));
  mkdirSync(join(folder, 'main'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const stamp = (second: number): string => `2026-01-02T03:04:${String(second).padStart(2, '0')}.000000001Z`;
const write = (file: string, lines: string[]) =>
  writeFileSync(join(folder, 'main', file), lines.map((line) => `${line}\n`).join(''));
const all: LogOptions = {
  follow: false,
  previous: false,
  timestamps: false,
  tailLines: -1,
  limitBytes: -1,
  sinceMs: 0,
};

const pod = (running: boolean, attempt = 1): ServedPod => ({
  pod: { metadata: { name: 'web', namespace: 'default' }, spec: { containers: [{ name: 'main' }, { name: 'slow' }] } },
  sandboxId: 's',
  podIP: '10.0.0.1',
  containers: [
    {
      name: 'main',
      id: 'c',
      attempt,
      running,
      tty: false,
      stdin: false,
      stdinOnce: false,
      logPath: join(folder, 'main', `${attempt}.log`),
    },
  ],
});

async function read(options: Partial<LogOptions>, find = () => pod(false)): Promise<string> {
  const wanted = { ...all, ...options };
  const source = await logSource(find, 'default', 'web', 'main', wanted.previous);
  const chunks: Buffer[] = [];
  for await (const chunk of readLog(source, wanted, new AbortController().signal)) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

test('lines lose their prefix, and the parts of a long line are joined', async () => {
  write('1.log', [
    `${stamp(1)} stdout F first`,
    `${stamp(2)} stderr P sec`,
    `${stamp(2)} stderr F ond`,
    `${stamp(3)} stdout F`,
  ]);
  assert.equal(await read({}), 'first\nsecond\n\n');
});

test('the parts of a long line have one time, that of its beginning, also where the streams are mixed', async () => {
  write('1.log', [
    `${stamp(1)} stdout P lo`,
    `${stamp(2)} stderr F err`,
    `${stamp(3)} stdout F ng`,
    `${stamp(4)} stdout F next`,
  ]);
  const text = `${stamp(1)} lo${stamp(2)} err\nng\n${stamp(4)} next\n`;
  assert.equal(await read({ timestamps: true }), text);
});

test('tail, since, limit, timestamps and one stream alone', async () => {
  write(
    '1.log',
    [1, 2, 3, 4].map((n) => `${stamp(n)} ${n % 2 ? 'stdout' : 'stderr'} F line ${n}`),
  );
  assert.equal(await read({ tailLines: 2 }), 'line 3\nline 4\n');
  assert.equal(await read({ tailLines: 0 }), '');
  assert.equal(await read({ tailLines: 9 }), 'line 1\nline 2\nline 3\nline 4\n');
  assert.equal(await read({ sinceMs: Date.parse(stamp(3)) }), 'line 3\nline 4\n');
  assert.equal(await read({ limitBytes: 9 }), 'line 1\nli');
  assert.equal(await read({ timestamps: true, tailLines: 1 }), `${stamp(4)} line 4\n`);
  assert.equal(await read({ stream: 'stderr' }), 'line 2\nline 4\n');
});

test('a tail is found across blocks of a long file', async () => {
  const lines = Array.from({ length: 5000 }, (_, n) => `${stamp(1)} stdout F ${'x'.repeat(40)} ${n}`);
  write('1.log', lines);
  const text = await read({ tailLines: 3000 });
  assert.equal(text.split('\n').length, 3001);
  assert.ok(text.startsWith(`${'x'.repeat(40)} 2000\n`));
});

test('previous shows the attempt before; without one it says so', async () => {
  write('0.log', [`${stamp(1)} stdout F old`]);
  write('1.log', [`${stamp(2)} stdout F new`]);
  assert.equal(await read({ previous: true }), 'old\n');
  await assert.rejects(
    read({ previous: true }, () => pod(false, 0)),
    /previous terminated container "main" in pod "web" not found/,
  );
});

test('a container without a start and a container that is none are told apart', async () => {
  const find = () => pod(false);
  await assert.rejects(
    logSource(find, 'default', 'web', 'slow', false),
    /container "slow" in pod "web" is waiting to start: ContainerCreating/,
  );
  const unpulled = pod(false);
  const waiting = { reason: 'ImagePullBackOff' };
  unpulled.pod.status = {
    containerStatuses: [{ name: 'slow', state: { waiting }, ready: false, restartCount: 0, image: '', imageID: '' }],
  };
  await assert.rejects(
    logSource(() => unpulled, 'default', 'web', 'slow', false),
    /container "slow" in pod "web" is waiting to start: trying and failing to pull image/,
  );
  await assert.rejects(logSource(find, 'default', 'web', 'none', false), /container none is not valid for pod web/);
  await assert.rejects(
    logSource(() => undefined, 'default', 'gone', 'main', false),
    /pod "gone" not found/,
  );
});

test('a follower sees what is appended, goes on after a rotation, and ends with the container', async () => {
  write('1.log', [`${stamp(1)} stdout F one`]);
  let running = true;
  const seen: string[] = [];
  const source = await logSource(() => pod(running), 'default', 'web', 'main', false);
  for await (const chunk of readLog(source, { ...all, follow: true }, new AbortController().signal)) {
    seen.push(chunk.toString());
    const path = join(folder, 'main', '1.log');
    if (seen.length === 1) appendFileSync(path, `${stamp(2)} stdout F two\n`);
    if (seen.length === 2) {
      renameSync(path, `${path}.20260102-030405`);
      writeFileSync(path, `${stamp(3)} stdout F three\n`);
    }
    if (seen.length === 3) running = false;
  }
  assert.deepEqual(seen, ['one\n', 'two\n', 'three\n']);
});

test('lines that came between the end of a file and its rotation are not lost', async (t) => {
  write('1.log', [`${stamp(1)} stdout F one`]);
  const path = join(folder, 'main', '1.log');
  let running = true;
  const source = await logSource(() => pod(running), 'default', 'web', 'main', false);
  const file = await open(path, 'r');
  const handle = Object.getPrototypeOf(file) as { read: (...args: unknown[]) => Promise<{ bytesRead: number }> };
  await file.close();
  const { read: plain } = handle;
  t.mock.method(handle, 'read', async function (this: unknown, ...args: unknown[]) {
    const result = await plain.apply(this, args);
    if (result.bytesRead === 0 && running) {
      running = false;
      appendFileSync(path, `${stamp(2)} stdout F two\n`);
      renameSync(path, `${path}.20260102-030405`);
      writeFileSync(path, `${stamp(3)} stdout F three\n`);
    }
    return result;
  });
  const seen: string[] = [];
  for await (const chunk of readLog(source, { ...all, follow: true }, new AbortController().signal))
    seen.push(chunk.toString());
  assert.deepEqual(seen, ['one\n', 'two\n', 'three\n']);
});

test('a follower that goes away ends the reading', async () => {
  write('1.log', [`${stamp(1)} stdout F one`]);
  const stop = new AbortController();
  const source = await logSource(() => pod(true), 'default', 'web', 'main', false);
  for await (const _ of readLog(source, { ...all, follow: true }, stop.signal)) stop.abort();
});

test('numbers that are none are refused', () => {
  assert.throws(() => logOptions(new URLSearchParams('tailLines=-1'), 0), /invalid tailLines/);
  assert.throws(() => logOptions(new URLSearchParams('sinceTime=yesterday'), 0), /invalid sinceTime/);
  assert.equal(logOptions(new URLSearchParams('sinceSeconds=5'), 10_000).sinceMs, 5000);
});
