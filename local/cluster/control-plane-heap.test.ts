import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { allocatorFile } from '../install/requirements.ts';
import { controlPlaneHeap } from './control-plane-heap.ts';

test('without jemalloc, malloc is told to map what is large', () => {
  const { env } = controlPlaneHeap({ LD_PRELOAD: '/lib/other.so' }, '');
  assert.equal(env['MALLOC_MMAP_THRESHOLD_'], '4096');
  assert.equal(env['LD_PRELOAD'], undefined);
});

test('jemalloc comes before libraries that the user preloads', () => {
  const { env } = controlPlaneHeap({ LD_PRELOAD: '/lib/other.so' }, import.meta.filename);
  assert.equal(env['LD_PRELOAD'], `${import.meta.filename}:/lib/other.so`);
  assert.equal(env['MALLOC_MMAP_THRESHOLD_'], undefined);
});

const library = allocatorFile();

test('node takes the settings without a word', { skip: library ? false : 'waits for jemalloc on this machine' }, () => {
  const { flags, env } = controlPlaneHeap({});
  const look = 'process.stdout.write(require("node:fs").readFileSync("/proc/self/maps", "utf8"))';
  const child = ['sh', '-c', 'exec "$0" "$@" 2>&1', process.execPath, ...flags, '-e', look] as const;
  const said = execFileSync(child[0], child.slice(1), { env: { ...env }, encoding: 'utf8' });
  assert.match(said, /libjemalloc\.so\.2/);
  assert.doesNotMatch(said, /jemalloc>|cannot be preloaded/);
});
