import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Failure, tail } from '../failure.ts';
import { clusterPaths } from '../state/paths.ts';
import type { ClusterSpec } from '../state/spec.ts';
import { markStarted, removeNodeForGood, stopNode } from './node-changes.ts';
import { chooseNodes, chooseSettings } from './plan.ts';
import { loadOf } from './status.ts';
import { together } from './together.ts';

test('a cluster has one node unless more are asked for, and keeps those it has', () => {
  assert.deepEqual(chooseNodes('c', [], undefined), [{ name: 'c-1', number: 1 }]);
  assert.deepEqual(
    chooseNodes('c', [{ name: 'c-4', number: 4 }], 2).map((node) => node.name),
    ['c-4', 'c-5'],
  );
  assert.throws(
    () =>
      chooseNodes(
        'c',
        [
          { name: 'c-1', number: 1 },
          { name: 'c-2', number: 2 },
        ],
        1,
      ),
    /slipway node rm|has 2 nodes/,
  );
  assert.throws(() => chooseNodes('c', [], 0), Failure);
});

test('settings stay as they were, change while the cluster is down, and are refused while it runs', () => {
  const stored = { name: 'c', settings: { nodeMonitorGracePeriod: 10 } } as ClusterSpec;
  assert.deepEqual(chooseSettings(undefined, {}, false), {});
  assert.deepEqual(chooseSettings(stored, { podMaxPids: 0 }, false), { nodeMonitorGracePeriod: 10, podMaxPids: 0 });
  assert.deepEqual(chooseSettings(stored, { nodeMonitorGracePeriod: 10 }, true), stored.settings);
  assert.throws(
    () => chooseSettings(stored, { nodeMonitorGracePeriod: 20 }, true),
    /cluster "c" is running; --node-monitor-grace-period cannot change meanwhile/,
  );
  assert.throws(() => chooseSettings(undefined, { nodeMonitorGracePeriod: 3 }, false), /must be from 4s to 3600s/);
});

test('the first failure ends what goes on beside it, and is the one thrown', async () => {
  const ended: string[] = [];
  const waiting = (signal: AbortSignal): Promise<never> =>
    new Promise((_, reject) =>
      signal.addEventListener('abort', () => {
        ended.push('waiting');
        reject(new Error('aborted'));
      }),
    );
  const failing = async (): Promise<never> => {
    throw new Failure('first');
  };
  await assert.rejects(together(new AbortController().signal, waiting, failing), /first/);
  assert.deepEqual(ended, ['waiting']);
  assert.deepEqual(
    await together(
      new AbortController().signal,
      async () => 1,
      async () => 'two',
    ),
    [1, 'two'],
  );
});

test('what a part said last is cut out of its log, from its last start on', () => {
  assert.equal(tail('old\n--- start a\nx\n--- start b\none\ntwo\nthree\n', 2), '    two\n    three');
});

test('a node’s load is in percent of what pods may ask for, as kubectl top counts it', () => {
  assert.deepEqual(loadOf({ cpu: '1234567890n', memory: '1536Mi' }, { cpu: '4', memory: '8Gi' }), {
    cpuMilli: 1235,
    cpuPercent: 30,
    memoryBytes: 1536 * 2 ** 20,
    memoryPercent: 18,
  });
  assert.equal(loadOf({ cpu: '1' }, {}).cpuPercent, 0, 'nothing may be asked for');
});

test('a change of a node of no cluster is refused, and leaves no folder', async (t) => {
  const home = mkdtempSync(join(tmpdir(), 'slipway-home-'));
  t.after(() => rmSync(home, { recursive: true }));
  const paths = clusterPaths('none', { SLIPWAY_HOME: home });
  for (const change of [stopNode, removeNodeForGood, async (...at: Parameters<typeof stopNode>) => markStarted(...at)])
    await assert.rejects(change(paths, 'none-1'), /there is no cluster "none"/);
  assert.deepEqual(readdirSync(home), []);
});
