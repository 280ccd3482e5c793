import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Pod } from '../../core/api/types.gen.ts';
import { containerResources } from '../pods/container-config.ts';
import { Cgroups, detectCgroups } from './cgroups.ts';
import { weightOf } from './limits.ts';
import { oomScoreAdj, podRequests, podResources, quotaOf, sharesOf } from './resources.ts';

const pod = (...resources: object[]): Pod => ({
  metadata: { uid: 'u' },
  spec: { containers: resources.map((r, i) => ({ name: `c${i}`, resources: r })) },
});
const half = { requests: { cpu: '500m', memory: '64Mi' }, limits: { cpu: '1', memory: '128Mi' } };

test('shares, weights and quotas of milli-CPUs, with the smallest that the kernel takes', () => {
  assert.deepEqual([sharesOf(0), sharesOf(1), sharesOf(500), sharesOf(2000)], [2, 2, 512, 2048]);
  assert.deepEqual([quotaOf(1), quotaOf(250)], [1000, 25_000]);
  assert.deepEqual([weightOf(2), weightOf(1024), weightOf(262_144)], [1, 39, 10_000]);
});

test('a pod is limited only when every container is', () => {
  assert.deepEqual(podResources(pod(half, half), 100), {
    qos: 'Burstable',
    cpuShares: 1024,
    cpuQuota: 200_000,
    memoryBytes: 256 * 1024 * 1024,
    pids: 100,
  });
  const open = podResources(pod(half, {}), 0);
  assert.deepEqual([open.cpuQuota, open.memoryBytes, open.pids], [undefined, undefined, undefined]);
});

test('init containers count by the largest moment, sidecars with what runs beside them', () => {
  const spec = {
    initContainers: [
      { name: 'proxy', restartPolicy: 'Always', resources: { requests: { cpu: '100m' } } },
      { name: 'setup', resources: { requests: { cpu: '2' } } },
    ],
    containers: [{ name: 'app', resources: { requests: { cpu: '500m' } } }],
  };
  assert.equal(podRequests({ spec }).cpuMilli, 2100);
  assert.equal(podRequests({ spec: { ...spec, initContainers: spec.initContainers.slice(0, 1) } }).cpuMilli, 600);
});

test('whom the kernel kills first: best effort, then who asked for little, guaranteed last', () => {
  const gib = 2 ** 30;
  const guaranteed = pod({ requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '1', memory: '1Gi' } });
  assert.equal(oomScoreAdj(guaranteed, gib, 4 * gib), -997);
  assert.equal(oomScoreAdj(pod({}), 0, 4 * gib), 1000);
  assert.equal(oomScoreAdj(pod(half), gib, 4 * gib), 750);
  assert.equal(oomScoreAdj(pod(half), 4 * gib, 4 * gib), 3);
});

test('a container takes its limits as requests, and ends as a whole on cgroup v2', () => {
  const limited = { name: 'c', resources: { limits: { cpu: '200m', memory: '64Mi' } } };
  const resources = containerResources(pod(limited.resources), limited, 4 * 2 ** 30, 2);
  assert.deepEqual(
    [resources.cpu_shares, resources.cpu_quota, resources.memory_limit_in_bytes],
    [204, 20_000, 67_108_864],
  );
  assert.deepEqual(resources.unified, { 'memory.oom.group': '1' });
});

// This machine may have no v2 controllers at all: a tree of plain files stands in. What the kernel does with the values is
// not shown here.
test('cgroup v2: controllers are delegated down to the pod, limits are written, and the pod’s group goes again', async () => {
  const at = mkdtempSync(join(tmpdir(), 'slipway-cgroup-'));
  writeFileSync(`${at}/cgroup.controllers`, 'cpuset cpu io memory pids');
  const tree = detectCgroups(at);
  assert.equal(tree.version, 2);
  for (const path of [
    '/s',
    '/s/kubepods',
    '/s/kubepods/burstable',
    '/s/kubepods/besteffort',
    '/s/kubepods/burstable/podu',
  ]) {
    mkdirSync(`${at}${path}`);
    writeFileSync(`${at}${path}/cgroup.controllers`, 'cpu memory pids');
  }
  const cgroups = new Cgroups(tree, '/s/kubepods');
  await cgroups.setUp();
  const path = await cgroups.createPod('u', podResources(pod(half), 50));
  assert.equal(path, '/s/kubepods/burstable/podu');
  const read = (file: string): string => readFileSync(`${at}${file}`, 'utf8');
  assert.equal(read('/cgroup.subtree_control'), '+cpu +memory +pids +cpuset +io');
  assert.equal(read('/s/kubepods/burstable/cgroup.subtree_control'), '+cpu +memory +pids');
  assert.equal(read(`${path}/cpu.max`), '100000 100000');
  assert.equal(read(`${path}/cpu.weight`), '20');
  assert.equal(read(`${path}/memory.max`), String(128 * 1024 * 1024));
  assert.equal(read(`${path}/pids.max`), '50');
  // the group weighs what its pods do, those of an earlier agent too
  assert.equal(read('/s/kubepods/burstable/cpu.weight'), '20');
  mkdirSync(`${at}/s/kubepods/burstable/podbefore`);
  writeFileSync(`${at}/s/kubepods/burstable/podbefore/cpu.weight`, '7\n');
  await cgroups.setUp();
  assert.equal(read('/s/kubepods/burstable/cpu.weight'), '27');
  assert.equal(read('/s/kubepods/besteffort/cpu.weight'), '1');
  rmSync(`${at}/s/kubepods/burstable/podbefore`, { recursive: true });
  assert.deepEqual(cgroups.pods(), ['u']);
  // In a real hierarchy files go with their folder.
  for (const file of ['cgroup.controllers', 'cpu.max', 'cpu.weight', 'memory.max', 'pids.max'])
    rmSync(`${at}${path}/${file}`);
  await cgroups.removePod('u');
  assert.equal(existsSync(`${at}${path}`), false);
  assert.equal(read('/s/kubepods/burstable/cpu.weight'), '1');
  rmSync(at, { recursive: true });
});
