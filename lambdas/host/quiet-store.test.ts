import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryStore } from '../../core/store/memory.ts';
import { quietStore } from './quiet-store.ts';

async function write(store: MemoryStore, name: string): Promise<void> {
  const key = { namespace: '', name };
  const object = { apiVersion: 'v1', kind: 'Node', metadata: { name } };
  assert.ok((await store.commit({ op: 'put', resource: 'nodes', key, object, expected: 'absent' })).ok);
  await new Promise((resolve) => setImmediate(resolve));
}

function counted() {
  const store = new MemoryStore();
  let listening = 0;
  const onChange = store.onChange.bind(store);
  store.onChange = (listener) => {
    listening++;
    const end = onChange(listener);
    return () => {
      listening--;
      end();
    };
  };
  return { store, listening: () => listening };
}

test('who listens from the first moment hears only while something goes on', async () => {
  const { store, listening } = counted();
  const quiet = quietStore(store);
  const heard: string[] = [];
  quiet.onChange((resource) => heard.push(resource));
  quiet.settled();
  await write(store, 'a');
  assert.deepEqual([heard, listening()], [[], 0]);
  const [first, second] = [quiet.follow(), quiet.follow()];
  await write(store, 'b');
  assert.deepEqual([heard, listening()], [['nodes'], 1]);
  first();
  first();
  assert.equal(listening(), 1);
  second();
  await write(store, 'c');
  assert.deepEqual([heard, listening()], [['nodes'], 0]);
});

test('who listens later waits for something, and is heard at once', async () => {
  const { store, listening } = counted();
  const quiet = quietStore(store);
  quiet.settled();
  const heard: string[] = [];
  const end = quiet.onChange((resource) => heard.push(resource));
  await write(store, 'a');
  assert.deepEqual([heard, listening()], [['nodes'], 1]);
  end();
  assert.equal(listening(), 0);
});
