// What the stories of the store contract are told about, and the words they are told in.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject, ObjectKey } from '../../core/api/objects.ts';
import type { LogLimits } from '../../core/store/change-log.ts';
import type { Change, CommitResult, Revision, Store, StoredObject } from '../../core/store/store.ts';

export interface Subject {
  store: Store;
  /** Whether pages say how many objects follow them. */
  countsRemaining: boolean;
  /** Has the driver drop changes that its limits no longer cover. */
  expire(): Promise<void>;
  /** Closes the store and opens it again on the same data; undefined for a store that keeps none. */
  reopen?(): Promise<Store>;
  dispose(): Promise<void>;
}

export interface SubjectOptions {
  now?: () => number;
  limits?: Partial<LogLimits>;
}

export type MakeSubject = (options?: SubjectOptions) => Promise<Subject>;

export const at = (name: string, namespace = 'default'): ObjectKey => ({ namespace, name });

export const objectAt = (key: ObjectKey, value: unknown): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace: key.namespace, name: key.name },
  data: { value },
});

export const dataOf = (object: KubeObject | undefined): unknown =>
  (object?.['data'] as { value: unknown } | undefined)?.value;

export async function put(
  store: Store,
  key: ObjectKey,
  value: unknown,
  expected: Revision | 'absent',
): Promise<Revision> {
  const result = await store.commit({ op: 'put', resource: 'configmaps', key, object: objectAt(key, value), expected });
  assert.ok(result.ok, `${key.name} was refused`);
  return result.revision;
}

export async function remove(store: Store, key: ObjectKey, expected: Revision): Promise<Revision> {
  const standing = await store.get('configmaps', key);
  const object = standing?.object ?? objectAt(key, 'unknown');
  const result = await store.commit({ op: 'delete', resource: 'configmaps', key, object, expected });
  assert.ok(result.ok, `the deletion of ${key.name} was refused`);
  return result.revision;
}

export const refusedBy = (result: CommitResult): StoredObject | undefined => {
  assert.equal(result.ok, false);
  return (result as Extract<CommitResult, { ok: false }>).current;
};

export const shown = (items: readonly StoredObject[]): unknown[] =>
  items.map(({ object }) => [object.metadata.name, dataOf(object)]);
export const told = (changes: readonly Change[]): unknown[] =>
  changes.map(({ type, key, object, previous }) => [type, key.name, dataOf(object), dataOf(previous)]);

/** Tells a story about a fresh subject. */
export type Story = (title: string, body: (subject: Subject) => Promise<void>, options?: SubjectOptions) => void;

/** Each story is a test with a subject of its own. */
export const storyOf =
  (make: MakeSubject): Story =>
  (title, body, options) => {
    test(title, async () => {
      const subject = await make(options);
      try {
        await body(subject);
      } finally {
        await subject.dispose();
      }
    });
  };
