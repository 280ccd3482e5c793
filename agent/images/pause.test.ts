import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isStatic } from '../../local/images/sample.ts';
import { pauseProgram } from './pause.ts';

const linux = process.platform === 'linux';

/** Resolves when the process has come to wait in rt_sigtimedwait (proc(5), /proc/PID/syscall). */
async function waitsForSignals(pid: number): Promise<void> {
  const call = process.arch === 'arm64' ? '137 ' : '128 ';
  for (let i = 0; i < 12_000; i++) {
    if (readFileSync(`/proc/${pid}/syscall`, 'utf8').startsWith(call)) return;
    await sleep(5);
  }
  assert.fail(`process ${pid} never waited for signals`);
}

async function withPause(look: (file: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-pause-'));
  const file = join(folder, 'pause');
  writeFileSync(file, pauseProgram(), { mode: 0o755 });
  try {
    await look(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('the pause program stays, and leaves with 0 on SIGTERM and on SIGINT', { skip: !linux }, () =>
  withPause(async (file) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const child = spawn(file);
      await waitsForSignals(child.pid!);
      child.kill(signal);
      assert.deepEqual(await once(child, 'exit'), [0, null]);
    }
  }),
);

test('it goes on waiting after a child of its own ended, and leaves no zombie', { skip: !linux }, () =>
  withPause(async (file) => {
    // the shell leaves a child behind and becomes the pause program, whose child that is then
    const child = spawn('/bin/sh', ['-c', 'sleep 0.1 & exec "$0"', file]);
    await waitsForSignals(child.pid!);
    const children = (): string =>
      spawnSync('ps', ['--ppid', String(child.pid), '-o', 'pid='], { encoding: 'utf8' }).stdout.trim();
    for (let i = 0; i < 12_000 && children() !== ''; i++) await sleep(5);
    assert.equal(children(), '');
    assert.equal(child.exitCode, null);
    child.kill();
    await once(child, 'exit');
  }),
);

test('it is a static executable for both processors, and for no other', () => {
  for (const processor of ['amd64', 'arm64']) assert.equal(isStatic(pauseProgram(processor)), true);
  assert.throws(() => pauseProgram('mips'), /mips/);
});

test('a program that asks for a loader is not taken for static', { skip: !linux }, () => {
  assert.equal(isStatic(readFileSync('/bin/sh')), false);
  assert.equal(isStatic(Buffer.from('#!/bin/sh')), false);
});
