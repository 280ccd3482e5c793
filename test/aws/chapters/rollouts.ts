// Days on which nothing is wrong: logs, scaling, rollouts, and clients that watch.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually } from '../../e2e/cluster.ts';
import type { EmulatedCluster } from '../../emulator/cluster.ts';
import type { Tale } from '../tale.ts';
import { madeSince, revisionOf } from '../watching.ts';
import { counter } from '../workloads.ts';

export function ofRollouts(tale: Tale): void {
  test('a log is followed; a deployment is scaled, rolled out, and deleted', tale.needsWorker, async () => {
    const { cluster } = tale;
    const rolledOut = (): Promise<string> =>
      cluster.kubectlOk('rollout', 'status', 'deployment/counter', '--timeout=300s');
    const file = join(tale.folder, 'counter.json');
    writeFileSync(file, JSON.stringify(counter('counter')));
    await cluster.kubectlOk('apply', '-f', file);
    await rolledOut();
    const logs = async (): Promise<string> => (await cluster.kubectl(['logs', 'deployment/counter'])).stdout;
    await eventually('it has begun to count', async () => /^line 1$/m.test(await logs()));
    await followed(cluster, 'deployment/counter');
    await cluster.kubectlOk('scale', 'deployment/counter', '--replicas=3');
    await rolledOut();
    const ofIt = ['pods', '-l', 'app=counter'];
    const running = ['--field-selector', 'status.phase=Running', '-o', 'name'];
    assert.equal((await cluster.kubectlOk('get', ...ofIt, ...running)).trim().split('\n').length, 3);
    await cluster.kubectlOk('set', 'env', 'deployment/counter', 'EDITION=2');
    await rolledOut();
    await cluster.kubectlOk('delete', 'deployment', 'counter');
    await cluster.kubectlOk('wait', '--for=delete', ...ofIt, '--timeout=300s');
  });

  test('a watch that ends is gone on with, and shows each change once', async () => {
    const { cluster } = tale;
    const wanted = Array.from({ length: 12 }, (_, i) => `gap-${String(i + 1).padStart(2, '0')}`);
    const from = await revisionOf(cluster);
    const writing = (async () => {
      for (const one of wanted) await cluster.kubectlOk('create', 'configmap', one);
    })();
    const seen = await madeSince(cluster, from, wanted.at(-1)!);
    await writing;
    assert.deepEqual(seen.names, wanted);
    assert.ok(seen.watches > 1, 'one watch saw everything: nothing was gone on with');
    await cluster.kubectlOk('delete', 'configmap', ...wanted);
  });
}

/** `kubectl logs -f` shows lines that were written after it began. */
async function followed(cluster: EmulatedCluster, what: string): Promise<void> {
  const child = spawn('kubectl', ['--context', cluster.context, 'logs', '-f', what, '--tail=1'], {
    env: await cluster.environment(),
  });
  let seen = '';
  let complaint = '';
  child.stdout.on('data', (piece: Buffer) => {
    seen += piece.toString();
  });
  child.stderr.on('data', (piece: Buffer) => {
    complaint += piece.toString();
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  try {
    await eventually('lines are followed', () => seen.split('\n').length > 3);
  } catch (error) {
    throw new Error(`${(error as Error).message}: ${seen} ${complaint}`);
  } finally {
    child.kill();
    await ended;
  }
}
