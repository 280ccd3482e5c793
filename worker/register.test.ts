// What a stack gives its workers, from the property to the node object, past the API that judges what a node may say of itself.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveConfig } from '../agent/config.ts';
import type { NodeFacts } from '../agent/node-facts.ts';
import { registerNode } from '../agent/node-status.ts';
import { isStatus } from '../core/api/errors.ts';
import type { Node } from '../core/api/types.gen.ts';
import { httpClient } from '../core/client/http.ts';
import { resources } from '../core/client/resources.ts';
import { readProperties } from '../infra/properties.ts';
import { testCluster, tokenOf } from '../lambdas/fixture/composed.ts';
import { agentConfig } from './instance-files.ts';
import type { WorkerSettings } from './settings.ts';

const instance = {
  id: 'i-0123456789abcdef0',
  address: '10.0.1.23',
  region: 'eu-west-1',
  zone: 'eu-west-1a',
  zoneId: 'euw1-az1',
  type: 't4g.medium',
  vpcBlocks: ['10.0.0.0/16'],
};

/** The node that a worker with these makes of itself, by its own identity. */
async function registered(marks: Pick<WorkerSettings, 'labels' | 'taints'>): Promise<Node> {
  const cluster = await testCluster();
  const token = tokenOf(cluster, 'Workers', instance.id);
  const client = httpClient({
    baseUrl: 'https://kubernetes.default.svc',
    fetch: (request) => {
      request.headers.set('authorization', `Bearer ${token}`);
      return cluster.composed.api.fetch(request, {});
    },
    userAgent: 'agent',
  });
  // As user data carries it.
  const settings = JSON.parse(
    JSON.stringify({ cluster: 'shop', region: 'eu-west-1', parameters: '/slipway/shop', ...marks }),
  ) as WorkerSettings;
  const parts = { settings, instance, mtu: 9001, cluster: { apiUrl: 'https://api', ca: '' }, cniPlugins: '', runc: '' };
  const facts = { info: { architecture: 'arm64' } } as NodeFacts;
  await registerNode(client, resolveConfig(agentConfig(parts)), facts, {});
  return await cluster.composed.clientOf('user').get<Node>(resources.nodes, { name: instance.id });
}

test('a worker is registered with the labels and taints of its stack', async () => {
  const given: Record<string, string> = {
    workerLabels: 'team=shop,example.com/disk=,node.kubernetes.io/pool=a',
    workerTaints: 'dedicated=batch:NoSchedule,spot:PreferNoSchedule',
  };
  const { workerLabels: labels, workerTaints: taints } = readProperties((name) => given[name]);
  const { metadata, spec } = await registered({ labels, taints });
  const { team, 'example.com/disk': disk, 'node.kubernetes.io/pool': pool } = metadata?.labels ?? {};
  assert.deepEqual([team, disk, pool], ['shop', '', 'a']);
  assert.equal(metadata?.labels?.['topology.kubernetes.io/zone'], 'eu-west-1a');
  assert.deepEqual(spec?.taints?.slice(0, 2), taints);
});

test('what the property refuses the API would have refused too', async () => {
  await assert.rejects(registered({ labels: { 'node-role.kubernetes.io/worker': '' } }), (error) =>
    isStatus(error, 'Forbidden'),
  );
});
