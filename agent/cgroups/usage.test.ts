import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { CgroupTree } from './cgroups.ts';
import { machineCpu, machineMemory, readCpu, readMemory } from './usage.ts';

function withFiles(files: Record<string, string>, use: (root: string) => void): void {
  const root = mkdtempSync(join(tmpdir(), 'slipway-cgroups-'));
  try {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(join(root, dirname(path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    use(root);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

test('a cgroup of version 1: nanoseconds, and memory without inactive files of the whole tree below', () => {
  const files = {
    'cpuacct/pods/c/cpuacct.usage': '2500000000\n',
    'memory/pods/c/memory.usage_in_bytes': '1000000\n',
    'memory/pods/c/memory.stat': 'inactive_file 1\ntotal_rss 300000\ntotal_rss_huge 9\ntotal_inactive_file 400000\n',
  };
  withFiles(files, (root) => {
    const controllers = new Map(['cpuacct', 'memory'].map((name) => [name, join(root, name)]));
    const tree: CgroupTree = { version: 1, controllers };
    assert.deepEqual(readCpu(tree, '/pods/c', 5), { atMs: 5, cpuNanoSeconds: 2.5e9 });
    const memory = { usageBytes: 1_000_000, workingSetBytes: 600_000, rssBytes: 300_000 };
    assert.deepEqual(readMemory(tree, '/pods/c'), memory);
    assert.equal(readCpu(tree, '/pods/gone', 5), undefined);
    assert.equal(readMemory(tree, '/pods/gone'), undefined);
    assert.equal(readMemory({ version: 1, controllers: new Map() }, '/pods/c'), undefined, 'nobody counts memory');
  });
});

test('a cgroup of version 2: microseconds, and a working set that is never below nothing', () => {
  const files = {
    'pods/c/cpu.stat': 'usage_usec 2500000\nuser_usec 1\nsystem_usec 2\n',
    'pods/c/memory.current': '1000\n',
    'pods/c/memory.stat': 'anon 700\nfile 5\ninactive_anon 3\ninactive_file 2000\n',
  };
  withFiles(files, (root) => {
    const tree: CgroupTree = { version: 2, controllers: new Map([['', root]]) };
    assert.deepEqual(readCpu(tree, '/pods/c', 5), { atMs: 5, cpuNanoSeconds: 2.5e9 });
    assert.deepEqual(readMemory(tree, '/pods/c'), { usageBytes: 1000, workingSetBytes: 0, rssBytes: 700 });
  });
});

test('the machine: all that is not idle, waiting or stolen; memory that is not free without inactive files', () => {
  const stat = 'cpu  100 10 50 1000 200 5 5 77 40 0\ncpu0 1 2 3 4\n';
  assert.deepEqual(machineCpu(stat, 9), { atMs: 9, cpuNanoSeconds: 170 * 10_000_000 });
  const meminfo =
    'MemTotal: 1000 kB\nMemFree: 300 kB\nMemAvailable: 800 kB\nInactive(file): 200 kB\nAnonPages: 150 kB\n';
  const kib = 1024;
  assert.deepEqual(machineMemory(meminfo), {
    usageBytes: 700 * kib,
    workingSetBytes: 500 * kib,
    rssBytes: 150 * kib,
  });
});
