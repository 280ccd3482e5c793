// When the controllers ask for a look at load balancers: never while no service wants one, and once for each change that matters.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manualPorts } from '../../core/client/fixture/manual-ports.ts';
import { seededRandom } from '../../core/client/fixture/random.ts';
import { resources } from '../../core/client/resources.ts';
import { MemoryStore } from '../../core/store/memory.ts';
import { composeOver, seededIds, writeDefaults } from '../../test/simulation/functions/control-plane.ts';
import type { Call } from '../host/event.ts';
import { invoke } from '../host/reacting-function.ts';
import { controllersFunction } from './function.ts';

async function world() {
  const host = manualPorts();
  const store = new MemoryStore();
  const plane = { store, clock: host.clock, ids: seededIds(seededRandom(1)), log: host.log };
  await writeDefaults(plane);
  const composed = await composeOver(plane);
  let asked = 0;
  const reacting = controllersFunction({
    ...composed,
    ca: { certificate: 'PEM', key: '' },
    ring: async () => undefined,
    askForLoadBalancers: async () => void asked++,
    decode: () => [],
  });
  const client = composed.clientOf('user');
  /** How often it asked in this invocation. */
  const react = async (call: Call = {}): Promise<number> => {
    const before = asked;
    await invoke(reacting, call, () => 60_000);
    return asked - before;
  };
  const service = (name: string, loadBalancerClass?: string) =>
    client.create(resources.services, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace: 'default', name },
      spec: { type: 'LoadBalancer', ports: [{ port: 80 }], ...(loadBalancerClass ? { loadBalancerClass } : {}) },
    });
  return { react, service, client };
}

test('a service that asks is looked at once, and again at a resync; who does not ask is told how', async () => {
  const { react, service, client } = await world();
  await service('silent');
  assert.equal(await react(), 0);
  const { items } = await client.list(resources.events, { namespace: 'default' });
  assert.deepEqual(
    items.map((event) => event['reason']),
    ['LoadBalancerNotAskedFor'],
  );
  await service('web', 'service.k8s.aws/nlb');
  assert.equal(await react(), 1);
  assert.equal(await react(), 0);
  const tick = '2026-01-01T01:00:00.000Z';
  assert.equal(await react({ tick, resync: true }), 1);
});
