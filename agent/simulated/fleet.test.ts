import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NodeSyncRequest, NodeSyncResponse } from '../../core/api/node-sync.ts';
import type { Stored } from '../../core/api/objects.ts';
import type { Node, Pod } from '../../core/api/types.gen.ts';
import type { Client } from '../../core/client/client.ts';
import { startSimulatedNode } from './fleet.ts';

test('a hundred simulated nodes in one process register, and run a pod each, with addresses of their own', async () => {
  const nodes = new Map<string, Node>();
  const addresses = new Map<string, string>();
  const sync = async (path: string, init?: RequestInit): Promise<Response> => {
    const name = path.split('/')[4]!;
    const request = JSON.parse(String(init?.body)) as NodeSyncRequest;
    for (const { uid, status } of request.podStatuses) if (status.podIP) addresses.set(uid, status.podIP);
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p', namespace: 'ns', uid: `on-${name}` },
      spec: { containers: [{ name: 'c' }] },
    };
    const answer: NodeSyncResponse = {
      since: '1',
      full: request.since === undefined,
      node: nodes.get(name) as Stored<Node>,
      pods: [pod as Stored<Pod>],
      deletedPods: [],
      configMaps: [],
      secrets: [],
      missing: [],
      refused: [],
      nextSyncMs: 60_000,
    };
    return Response.json(answer);
  };
  const create = async (_of: unknown, node: Node): Promise<Node> => {
    nodes.set(node.metadata!.name!, node);
    return node;
  };
  const options = {
    client: { create, raw: sync } as unknown as Client,
    log: () => undefined,
    capacity: { cpu: '4', memory: '8Gi', pods: '110' },
    syncIntervalSeconds: 60,
    leaseDurationSeconds: 240,
  };
  const fleet = await Promise.all(Array.from({ length: 100 }, (_, i) => startSimulatedNode(`n${i}`, i, options)));
  for (let i = 0; i < 6_000 && addresses.size < 100; i++) await sleep(10);
  assert.equal(nodes.size, 100);
  assert.equal(new Set(addresses.values()).size, 100);
  await Promise.all(fleet.map(({ agent }) => agent.close()));
});
