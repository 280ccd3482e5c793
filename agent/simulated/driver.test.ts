import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '../../core/api/types.gen.ts';
import type { PodTask } from '../runtime.ts';
import { SimulatedRuntime } from './driver.ts';

test('a container that is told to end takes a moment, so that kubectl sees that its pod went', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const runtime = new SimulatedRuntime(() => 0, '10.201.3.0/24');
  const pod: Pod = { metadata: { uid: 'u', namespace: 'ns', name: 'web-0' }, spec: { containers: [{ name: 'c' }] } };
  const told: string[] = [];
  const task = { pod, uid: 'u', event: ({ reason }: { reason: string }) => told.push(reason) } as unknown as PodTask;
  await runtime.createSandbox(task, 0);
  await runtime.startContainer(task, 'c', 0);
  const state = () => runtime.observed('u').containers[0]!.state;
  const { id } = runtime.observed('u').containers[0]!;
  const killed = runtime.kill(task, {
    id,
    container: 'c',
    graceSeconds: 30,
    preStop: false,
    message: 'Stopping container c',
  });
  t.mock.timers.tick(199);
  assert.deepEqual([told.at(-1), state()], ['Killing', 'running']);
  t.mock.timers.tick(1);
  await killed;
  assert.equal(state(), 'exited');
});
