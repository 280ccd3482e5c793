import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withoutBandwidth } from '../net/bandwidth.ts';
import type { PodTask } from '../runtime.ts';
import type { CriContext } from './context.ts';
import { createSandbox } from './sandboxes.ts';

/** What happens to a sandbox of a pod with these annotations. */
async function create(annotations: Record<string, string>) {
  const calls: string[] = [];
  const note = (name: string) => async (id: string) => void calls.push(`${name} ${id}`);
  const context = {
    deps: {
      dns: { servers: [], searches: [], options: [] },
      config: {},
      cri: {
        runPodSandbox: async () => {
          calls.push('run');
          return 's1';
        },
        podSandboxInfo: async () => ({ info: '{}' }),
        stopPodSandbox: note('stop'),
        removePodSandbox: note('remove'),
      },
    },
    observer: { sandboxIPs: async () => ['10.1.0.2'], addSandbox: () => calls.push('shown') },
    preparation: { begin: () => undefined, place: async () => undefined },
    sandboxConfig: () => ({}),
  } as unknown as CriContext;
  const metadata = { name: 'p', namespace: 'ns', uid: 'u', annotations };
  const event = ({ message }: { message: string }) => calls.push(message);
  const task = {
    uid: 'u',
    pod: { metadata, spec: { dnsPolicy: 'None', containers: [] } },
    event,
  } as unknown as PodTask;
  await createSandbox(context, task, 0).catch(() => undefined);
  return calls;
}

test('a sandbox that could not be finished is no sandbox: it is taken away, and not shown', async () => {
  assert.deepEqual(await create({ 'kubernetes.io/egress-bandwidth': '10M' }), [
    'run',
    'stop s1',
    'remove s1',
    'Failed to create pod sandbox: the pod sandbox names no network namespace',
  ]);
  assert.deepEqual(await create({}), ['run', 'shown']);
});

test('limits of bandwidth that cannot be are told before there is a sandbox, and the runtime hears of none', async () => {
  assert.deepEqual(await create({ 'kubernetes.io/ingress-bandwidth': '10' }), [
    'Failed to create pod sandbox: resource is unreasonably small (< 1kbit)',
  ]);
  assert.deepEqual(withoutBandwidth({ 'kubernetes.io/ingress-bandwidth': '10', a: 'b' }), { a: 'b' });
});
