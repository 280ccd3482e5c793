import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { lock } from './lock.ts';
import { type ClusterPaths, clusterPaths, nodePaths, slipwayHome } from './paths.ts';
import { isAlive, ProcessTable, startDetached, startOf, terminate } from './processes.ts';
import { type ClusterSpec, otherSpecs, readSpec, writeSpec } from './spec.ts';

let home: string;
let paths: ClusterPaths;
const spec: ClusterSpec = {
  dataVersion: 1,
  name: 'boat',
  index: 3,
  runtime: 'simulated',
  port: 6443,
  egress: false,
  nodes: [{ name: 'boat-1', number: 1 }],
  kubeconfig: '/k',
};

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'slipway-state-'));
  paths = clusterPaths('boat', { SLIPWAY_HOME: home });
});
afterEach(() => rmSync(home, { recursive: true }));

test('a name that would not do as part of a link, a path or a cgroup is refused', () => {
  for (const name of ['', 'Boat', '1st', 'a-', 'a/b', '..', 'x'.repeat(21), 'cache', 'lock']) {
    assert.throws(() => clusterPaths(name, { SLIPWAY_HOME: home }), /cannot be the name of a cluster/, name);
  }
});

test('the default cluster is slipway, others carry their name behind it', () => {
  assert.equal(clusterPaths('slipway', { SLIPWAY_HOME: home }).id, 'slipway');
  assert.equal(paths.id, 'slipway-boat');
  assert.equal(nodePaths(paths, 'boat-1').namespace, 'slipway-boat.boat-1');
  assert.equal(slipwayHome({ XDG_DATA_HOME: '/data' }), '/data/slipway');
});

test('what a cluster is survives, readable by its owner only', () => {
  assert.equal(readSpec(paths), undefined);
  writeSpec(paths, spec);
  assert.deepEqual(readSpec(paths), spec);
  assert.equal(statSync(paths.spec).mode & 0o777, 0o600);
});

test('a damaged file and one of a newer version are named, not overwritten', () => {
  writeSpec(paths, { ...spec, dataVersion: 2 });
  assert.throws(() => readSpec(paths), /written by a newer Slipway \(data version 2, this one knows 1\)/);
  writeFileSync(paths.spec, '{');
  assert.throws(() => readSpec(paths), /cluster\.json is damaged/);
  assert.equal(readFileSync(paths.spec, 'utf8'), '{');
});

test('the other clusters of a home are known, damaged ones left out', () => {
  writeSpec(paths, spec);
  const other = clusterPaths('raft', { SLIPWAY_HOME: home });
  assert.deepEqual(
    otherSpecs(other).map((found) => found.name),
    ['boat'],
  );
  writeFileSync(paths.spec, '{');
  assert.deepEqual(otherSpecs(other), []);
});

test('of two commands on one cluster the second is told who is at work', () => {
  const unlock = lock(paths);
  assert.throws(() => lock(paths), new RegExp(`another slipway command \\(pid ${process.pid}\\)`));
  unlock();
  lock(paths)();
});

test('the lock of a command that died is taken over, also when its pid lives again', () => {
  const { pid } = spawnSync('true');
  mkdirSync(paths.dir, { recursive: true });
  for (const holder of [
    { pid, started: 'x' },
    { pid: process.pid, started: 'another start' },
  ]) {
    writeFileSync(paths.lock, JSON.stringify(holder));
    lock(paths)();
    assert.equal(existsSync(paths.lock), false);
  }
});

test('a process is known by its start as well as its pid, and its zombie is no process', async () => {
  const child = spawn('sleep', ['60']);
  const ref = { pid: child.pid!, started: startOf(child.pid!)! };
  assert.equal(isAlive(ref), true);
  assert.equal(isAlive({ ...ref, started: 'other' }), false);
  await terminate([{ ...ref, started: 'other' }], 0);
  assert.equal(isAlive(ref), true, 'a process that only has the same pid is left alone');
  await terminate([ref], 1000);
  assert.equal(isAlive(ref), false);
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
});

test('a detached process writes to its log and is found again through the table', async () => {
  const log = join(paths.logs, 'part.log');
  const ref = startDetached(['/bin/sh', '-c', 'echo to the log; exec sleep 60'], log);
  mkdirSync(paths.dir, { recursive: true });
  new ProcessTable(paths.processes).set('part', ref);
  const table = new ProcessTable(paths.processes);
  assert.equal(table.alive('part'), true);
  // It writes when the machine lets it run; a test that never sees it fails by the runner's own limit.
  while (!/^--- .*\/bin\/sh.*\nto the log\n$/.test(readFileSync(log, 'utf8'))) await sleep(10);
  await terminate([table.get('part')!], 1000);
  assert.equal(table.alive('part'), false);
  table.clear();
  assert.equal(existsSync(paths.processes), false);
});
