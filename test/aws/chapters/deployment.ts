// The account is made ready, the stack deployed, and kubectl finds the cluster.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EmulatedCluster } from '../../emulator/cluster.ts';
import type { Tale } from '../tale.ts';

export function ofDeployment(tale: Tale): void {
  test('a cluster is deployed', async () => {
    await tale.person.follow('npx cdk bootstrap');
    await tale.person.follow('npx cdk deploy');
    const { emulator, stack: name, adminRole, folder } = tale;
    tale.cluster = await EmulatedCluster.attach(emulator, { emulator, name, adminRole, folder });
  });

  test('kubectl finds it, with no worker', async () => {
    await tale.person.follow('npx slipway kubeconfig');
    await tale.cluster.reach();
    assert.match(await tale.person.follow('kubectl get nodes'), /No resources found/);
    assert.match(await tale.cluster.kubectlOk('get', 'namespaces'), /kube-system/);
  });
}
