// What must not hurt: a cable that was pulled, a function that dies, keys that are missing.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../../e2e/cluster.ts';
import type { EmulatedCluster } from '../../emulator/cluster.ts';
import { ask } from '../ask.ts';
import type { Tale } from '../tale.ts';
import { counter } from '../workloads.ts';

export function ofBadDays(tale: Tale): void {
  test('an instance whose cable was pulled goes on where it was', tale.needsWorker, async () => {
    const { cluster, instance } = tale;
    await instance.cable(false);
    const file = join(tale.folder, 'late.json');
    writeFileSync(file, JSON.stringify(counter('late')));
    await cluster.kubectlOk('apply', '-f', file);
    await sleep(3_000);
    await instance.cable(true);
    await cluster.kubectlOk('rollout', 'status', 'deployment/late', '--timeout=300s');
    await cluster.kubectlOk('delete', 'deployment', 'late');
  });

  test(
    'a function that is killed is started anew, and nothing that was acknowledged is lost',
    tale.needsProcesses,
    async () => {
      const { cluster } = tale;
      await cluster.kubectlOk('create', 'configmap', 'before', '--from-literal=a=b');
      assert.ok(killFunctions(cluster, 'api') > 0);
      const found = async (): Promise<boolean> => (await cluster.kubectl(['get', 'configmap', 'before'])).code === 0;
      await eventually('the API answers', found);
      await cluster.kubectlOk('delete', 'configmap', 'before');
    },
  );

  test('a cluster whose keys are missing says so, and what would mend it', tale.needsProcesses, async () => {
    const { cluster } = tale;
    const keyName = `/slipway/${cluster.name}/keys/authority`;
    const { Parameter } = await cluster.aws<{ Parameter: { Value: string } }>('AmazonSSM.GetParameter', {
      Name: keyName,
      WithDecryption: true,
    });
    await cluster.aws('AmazonSSM.DeleteParameter', { Name: keyName });
    killFunctions(cluster, 'api');
    const namespaces = '/api/v1/namespaces';
    const { body } = await eventually('it says so', async () => {
      const answer = await ask(cluster, namespaces);
      return answer.status === 503 && answer;
    });
    await cluster.aws('AmazonSSM.PutParameter', { Name: keyName, Value: Parameter.Value, Type: 'SecureString' });
    assert.match(body, /keys\/authority is missing/);
    await eventually('it is mended', async () => (await ask(cluster, namespaces)).status === 200);
  });
}

/** Kills the processes of a function, by pid, as a machine of Lambda that fails would; says how many. */
function killFunctions(cluster: EmulatedCluster, name: string): number {
  const functionName = cluster.resource(`Functions${name}Function`);
  let killed = 0;
  for (const pid of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
      const ours = environment.includes(`AWS_LAMBDA_FUNCTION_NAME=${functionName}`);
      if (!ours) continue;
      process.kill(Number(pid), 'SIGKILL');
      killed++;
    } catch {
      // It ended by itself, or is somebody else's.
    }
  }
  return killed;
}
