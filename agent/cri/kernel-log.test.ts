import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { containersIn, KernelLog } from './kernel-log.ts';

const id = (digit: string): string => digit.repeat(64);
const kill = (path: string): string =>
  `6,2131,50848246188,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=${id('c')},mems_allowed=0,` +
  `oom_memcg=/kubepods/burstable/poduid,task_memcg=${path},task=dd,pid=6600,uid=0\n`;

test('the container is named by the cgroup of the task, under either driver of cgroups, and also from below', () => {
  assert.deepEqual(containersIn(kill(`/kubepods/burstable/poduid/${id('a')}`)), [id('a')]);
  assert.deepEqual(containersIn(kill(`/kubepods.slice/kubepods-pod1.slice/cri-containerd-${id('a')}.scope`)), [
    id('a'),
  ]);
  assert.deepEqual(containersIn(kill(`/kubepods/pod1/${id('a')}/docker/${id('b')}`)), [id('a'), id('b')]);
  assert.deepEqual(containersIn(kill('/system.slice/ssh.service')), []);
  assert.deepEqual(containersIn('6,1,2,-;dd invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0'), []);
});

test('what is written after a look is seen by the next one', () => {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-kernel-log-'));
  const file = join(folder, 'kmsg');
  writeFileSync(file, kill(`/kubepods/pod1/${id('a')}`));
  const log = new KernelLog(() => undefined, file);
  assert.deepEqual([log.wasOomKilled(id('a')), log.wasOomKilled(id('b'))], [true, false]);
  writeFileSync(file, kill(`/kubepods/pod1/${id('b')}`), { flag: 'a' });
  assert.deepEqual([log.wasOomKilled(id('a')), log.wasOomKilled(id('b'))], [true, true]);
  rmSync(folder, { recursive: true });
});

test('where the log cannot be read nobody was OOM killed as far as it says', () => {
  const told: string[] = [];
  const log = new KernelLog((_level, event) => told.push(event), '/nowhere/kmsg');
  assert.deepEqual([log.wasOomKilled(id('a')), log.wasOomKilled(id('a')), told.length], [false, false, 1]);
});
