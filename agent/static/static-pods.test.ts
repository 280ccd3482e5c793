import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { StatusError } from '../../core/api/errors.ts';
import type { Pod } from '../../core/api/types.gen.ts';
import { staticPod } from '../../core/kubelet/static-manifest.ts';
import { StaticPods } from './static-pods.ts';

const node = {
  metadata: { name: 'n', uid: 'node-uid' },
  status: { conditions: [{ type: 'Ready', status: 'True' }] },
};
const podOf = (image: string): Pod =>
  staticPod(
    `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web"},"spec":{"containers":[{"name":"c","image":"${image}"}]}}`,
    {
      nodeName: 'n',
      file: '/m/web.json',
      hash: (text) => hash('sha256', text),
    },
  );

/** An API that holds mirrors, and a node whose pods end when they are told to. */
class Stand {
  readonly api = new Map<string, Pod>();
  readonly story: string[] = [];
  /** What the answer to a create waits for. */
  late: Promise<void> | undefined;
  #serial = 0;
  readonly static = new StaticPods({
    client: {
      create: async <T>(_of: unknown, object: T): Promise<T> => {
        const mirror = structuredClone(object) as Pod;
        const uid = `api-${++this.#serial}`;
        mirror.metadata = { ...mirror.metadata, uid };
        this.api.set(uid, mirror);
        this.story.push(`made ${uid}`);
        await this.late;
        return mirror as T;
      },
      delete: async (_of, { name }, options) => {
        if (!this.api.delete(options?.uid ?? '')) throw new StatusError('NotFound', `pods "${name}" not found`);
        this.story.push(`removed ${options?.uid}`);
      },
    },
    start: (pod) => void this.story.push(`start ${pod.spec?.containers[0]?.image}`),
    update: (pod) => void this.story.push(`end ${pod.spec?.containers[0]?.image}`),
    report: ({ uid, status }) => {
      this.api.get(uid)!.status = status;
      this.story.push(`${uid} is ${status.phase}`);
    },
    now: () => 0,
    log: () => undefined,
  });

  constructor(t: TestContext) {
    t.after(() => this.static.close());
  }

  /** A full answer. */
  answer(): void {
    this.static.answered(node, structuredClone([...this.api.values()]), [], true);
  }

  async tells(...lines: string[]): Promise<void> {
    for (let i = 0; i < 100; i++) await nextTurn();
    assert.deepEqual(this.story.splice(0), lines);
  }
}

test('a pod of a manifest runs without the API, and is shown there once it is there', async (t) => {
  const stand = new Stand(t);
  const pod = podOf('i:1');
  stand.static.want([pod]);
  stand.static.status(pod, { phase: 'Running' });
  await stand.tells('start i:1');
  stand.answer();
  await stand.tells('made api-1', 'api-1 is Running');
  stand.answer();
  stand.static.status(pod, { phase: 'Failed' });
  await stand.tells('api-1 is Failed');
});

test('a mirror that is deleted comes back; the pod is not touched', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const stand = new Stand(t);
  const pod = podOf('i:1');
  stand.static.want([pod]);
  stand.answer();
  await stand.tells('start i:1', 'made api-1');
  stand.static.status(pod, { phase: 'Running' });
  await stand.tells('api-1 is Running');
  const mirror = stand.api.get('api-1')!;
  mirror.metadata = { ...mirror.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' };
  stand.answer();
  await stand.tells('removed api-1');
  t.mock.timers.tick(999); // who deleted it sees that none is there
  stand.answer();
  await stand.tells();
  t.mock.timers.tick(1);
  await stand.tells('made api-2', 'api-2 is Running');
  stand.api.clear(); // by force: gone at once
  stand.static.answered(node, [], [{ uid: 'api-2' }], false);
  await stand.tells('made api-3', 'api-3 is Running');
});

test('a mirror that is deleted before its maker hears that it is made comes back too', async (t) => {
  const stand = new Stand(t);
  const answer = Promise.withResolvers<void>();
  stand.late = answer.promise;
  stand.static.want([podOf('i:1')]);
  stand.answer();
  await stand.tells('start i:1', 'made api-1');
  stand.api.clear();
  stand.static.answered(node, [], [{ uid: 'api-1' }], false);
  answer.resolve();
  await stand.tells('made api-2');
  stand.answer();
  await stand.tells();
});

test('who writes over the status of a mirror while the node is not heard is corrected once it is', async (t) => {
  const stand = new Stand(t);
  const pod = podOf('i:1');
  const ready = (status: string) => ({ phase: 'Running', conditions: [{ type: 'Ready', status }] });
  stand.static.want([pod]);
  stand.answer();
  await stand.tells('start i:1', 'made api-1');
  stand.static.status(pod, ready('True'));
  await stand.tells('api-1 is Running');
  const mirror = stand.api.get('api-1')!;
  mirror.status = ready('False');
  stand.answer();
  await stand.tells('api-1 is Running');
  mirror.status = ready('False');
  const silent = { ...node, status: { conditions: [] } };
  stand.static.answered(silent, [structuredClone(mirror)], [], false);
  await stand.tells();
  stand.static.answered(node, [], [], false);
  await stand.tells('api-1 is Running');
  stand.answer();
  await stand.tells();
});

test('a changed manifest: the pod ends, then its successor starts and the mirror is another', async (t) => {
  const stand = new Stand(t);
  const [one, two] = [podOf('i:1'), podOf('i:2')];
  stand.static.want([one]);
  stand.answer();
  await stand.tells('start i:1', 'made api-1');
  stand.static.want([two]);
  stand.answer();
  await stand.tells('end i:1');
  stand.static.status(one, { phase: 'Succeeded' });
  stand.static.ended(one.metadata!.uid!);
  await stand.tells('api-1 is Succeeded', 'start i:2', 'removed api-1', 'made api-2');
  stand.static.want([]);
  stand.static.ended(two.metadata!.uid!);
  await stand.tells('end i:2', 'removed api-2');
});

test('a mirror of nothing, and of what ran before the agent did', async (t) => {
  const stand = new Stand(t);
  const pod = podOf('i:1');
  stand.static.want([pod]);
  stand.answer();
  await stand.tells('start i:1', 'made api-1');
  const next = new Stand(t);
  next.api.set('api-1', stand.api.get('api-1')!);
  next.static.adopt(pod);
  next.answer();
  await next.tells(); // the manifests are not read yet: nothing ends
  next.static.want([]);
  next.static.ended(pod.metadata!.uid!);
  await next.tells('end i:1', 'removed api-1');
  next.api.set('api-9', {
    ...stand.api.get('api-1')!,
    metadata: { ...stand.api.get('api-1')!.metadata, uid: 'api-9' },
  });
  next.answer();
  await next.tells('removed api-9');
});
