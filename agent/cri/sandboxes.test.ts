import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PodTask } from '../runtime.ts';
import type { CriContext } from './context.ts';
import { createSandbox } from './sandboxes.ts';

test('a sandbox that could not be finished is no sandbox: it is taken away, and not shown', async () => {
  const calls: string[] = [];
  const note = (name: string) => async (id: string) => void calls.push(`${name} ${id}`);
  const context = {
    deps: {
      dns: { servers: [], searches: [], options: [] },
      config: {},
      cri: {
        runPodSandbox: async () => 's1',
        stopPodSandbox: note('stop'),
        removePodSandbox: note('remove'),
      },
    },
    observer: { sandboxIPs: async () => ['10.1.0.2'], addSandbox: () => calls.push('shown') },
    preparation: { begin: () => undefined, place: async () => undefined },
    sandboxConfig: () => ({}),
  } as unknown as CriContext;
  const annotations = { 'kubernetes.io/ingress-bandwidth': '10' };
  const pod = {
    metadata: { name: 'p', namespace: 'ns', uid: 'u', annotations },
    spec: { dnsPolicy: 'None', containers: [] },
  };
  const events: string[] = [];
  const task = {
    uid: 'u',
    pod,
    event: ({ message }: { message: string }) => events.push(message),
  } as unknown as PodTask;
  await assert.rejects(createSandbox(context, task, 0), /unreasonably small/);
  assert.deepEqual(calls, ['stop s1', 'remove s1']);
  assert.deepEqual(events, ['Failed to create pod sandbox: resource is unreasonably small (< 1kbit)']);
});
