import assert from 'node:assert/strict';
import { test } from 'node:test';
import { podOf } from '../../core/kubelet/world.ts';
import type { PodTask } from '../runtime.ts';
import type { CriContext } from './context.ts';
import { startContainer } from './start-container.ts';

test('a start that waits for its image is given up when the pod is to end', async () => {
  const context = {
    deps: { cri: { createContainer: () => assert.fail('nothing is to be made any more') } },
    observer: { observed: () => ({ sandboxes: [{ id: 's1', attempt: 0 }], containers: [] }) },
    preparation: { ready: () => new Promise(() => undefined) },
    fields: () => ({}),
  } as unknown as CriContext;
  const end = new AbortController();
  const task = { uid: 'u1', pod: podOf({}), ending: end.signal, event: () => undefined } as unknown as PodTask;
  const start = startContainer(context, task, 'app', 0);
  end.abort();
  await assert.rejects(start, { name: 'StartError', message: 'the pod is to end' });
});
