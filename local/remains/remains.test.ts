import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { cgroupMounts, moveTo } from './cgroups.ts';
import { clearCgroup, forgetContainers, processesNaming, tasksOf } from './containers.ts';
import { mountsBelow } from './mounts.ts';

test('mounts below a folder are found, the innermost first, with blanks in their names', () => {
  const table = [
    '1 0 0:1 / / rw - ext4 /dev/a rw',
    '2 1 0:2 / /run/slipway/a rw - tmpfs t rw',
    '3 2 0:3 / /run/slipway/a/inner\\040folder rw - overlay o rw',
    '4 1 0:4 / /run/slipway/ab rw - tmpfs t rw',
    '',
  ].join('\n');
  assert.deepEqual(mountsBelow(['/run/slipway/a'], table), ['/run/slipway/a/inner folder', '/run/slipway/a']);
});

test('cgroup hierarchies of both versions are found', () => {
  const mounts =
    'tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n';
  assert.deepEqual(cgroupMounts(mounts), ['/sys/fs/cgroup/memory', '/sys/fs/cgroup/unified']);
});

test('a process leaves the cgroup of whoever started it, on version 2 alone', () => {
  const at = mkdtempSync(join(tmpdir(), 'slipway-cgroup-'));
  try {
    moveTo('/slipway/parts', 7, at);
    assert.deepEqual(readdirSync(at), [], 'on version 1 it may be under limits that somebody set');
    writeFileSync(join(at, 'cgroup.controllers'), 'cpu memory pids\n');
    moveTo('/slipway/parts', 7, at);
    assert.equal(readFileSync(join(at, 'slipway/parts/cgroup.procs'), 'utf8'), '7');
    assert.equal(
      existsSync(join(at, 'slipway/cgroup.procs')),
      false,
      'with controllers for those below it may hold none itself',
    );
  } finally {
    rmSync(at, { recursive: true });
  }
});

test('processes are found by the folder that their arguments name', async () => {
  const child = spawn('/bin/sh', ['-c', 'read line', '/tmp/slipway-no-such/folder/file']);
  assert.deepEqual(
    processesNaming('/tmp/slipway-no-such/folder/').map((ref) => ref.pid),
    [child.pid],
  );
  assert.deepEqual(processesNaming('/tmp/slipway-no-such/fold/'), []);
  child.stdin.end();
  await once(child, 'exit');
});

test('what killed shims and runc leave outside the node’s folder goes, and nobody else’s', () => {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-remains-'));
  try {
    const places = { shimSockets: `${folder}/s/`, runcState: join(folder, 'runc') };
    const task = join(folder, 'run/containerd/io.containerd.runtime.v2.task/k8s.io/mine');
    for (const path of [places.shimSockets, join(places.runcState, 'mine'), join(places.runcState, 'other'), task]) {
      mkdirSync(path, { recursive: true });
    }
    for (const name of ['mine', 'other']) writeFileSync(join(places.shimSockets, name), '');
    writeFileSync(join(task, 'address'), `unix://${places.shimSockets}mine`);
    const tasks = tasksOf([{ run: join(folder, 'run') }]);
    rmSync(task, { recursive: true }); // as containerd does, once the shim is gone
    forgetContainers(tasks, places);
    assert.deepEqual(readdirSync(places.shimSockets), ['other']);
    assert.deepEqual(readdirSync(places.runcState), ['other']);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a cgroup goes with what is left in it', async (t) => {
  const child = spawn('/bin/sh', ['-c', 'read line']);
  const name = `/slipway-test-${child.pid}`;
  try {
    const at = cgroupMounts().find((mount) => {
      try {
        mkdirSync(`${mount}${name}/below`, { recursive: true });
        writeFileSync(`${mount}${name}/below/cgroup.procs`, String(child.pid));
        return true;
      } catch {
        return false;
      }
    });
    if (at === undefined) return t.skip('no cgroup can be made here');
    const ended = once(child, 'exit');
    assert.deepEqual(await clearCgroup(name), []);
    await ended;
    assert.equal(existsSync(`${at}${name}`), false);
  } finally {
    child.kill();
    await clearCgroup(name);
  }
});
