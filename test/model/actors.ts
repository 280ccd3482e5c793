// The processes of the model: writers, readers and who tidies, each made of the very steps that the store runs.
import { StatusError } from '../../core/api/errors.ts';
import type { KubeObject, ObjectKey } from '../../core/api/objects.ts';
import { changesSteps } from '../../core/store/protocol/changes.ts';
import { commitSteps, getSteps } from '../../core/store/protocol/commit.ts';
import type { Context, ProtocolLimits, ProtocolState } from '../../core/store/protocol/context.ts';
import { defaultProtocolLimits, newState } from '../../core/store/protocol/context.ts';
import { listSteps } from '../../core/store/protocol/list.ts';
import { headSteps } from '../../core/store/protocol/log.ts';
import type { Steps } from '../../core/store/protocol/ops.ts';
import { sealSteps } from '../../core/store/protocol/seal.ts';
import type { Commit, ListOptions, ListPage, Revision } from '../../core/store/store.ts';
import { RevisionExpired } from '../../core/store/store.ts';
import type { ModelEvent } from './events.ts';
import type { Process, Task } from './explore.ts';
import { resource } from './store-states.ts';
import { keyAt } from './table.ts';

/** A gap is sealed as soon as it is seen: waiting could only leave out what may happen meanwhile. */
const limits: ProtocolLimits = { ...defaultProtocolLimits, pendingMs: 0, attempts: 2, recentRows: 4 };

type Say = (event: ModelEvent) => void;

export const objectAt = (key: ObjectKey, value: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace: key.namespace, name: key.name },
  value,
});

const contextOf = (state: ProtocolState, changed: Partial<ProtocolLimits> = {}): Context => ({
  resource,
  state,
  limits: { ...limits, ...changed },
  now: () => 0,
  writer: () => '',
});

/** What a process has learnt about the log, as JSON and back. */
const saved = ({ prefix, floor, gaps, recent }: ProtocolState) => ({
  prefix,
  floor,
  gaps: [...gaps],
  recent: [...recent],
});
const restored = (from: Partial<ReturnType<typeof saved>>): ProtocolState => ({
  ...newState(),
  ...from,
  gaps: new Map(from.gaps),
  recent: new Map(from.recent),
});

export type Deed = 'create' | 'update' | 'delete';

/** A client that writes one thing after another, each on the version that it last knew or, if it knows none, reads. */
export function writer(name: string, ...deeds: readonly (readonly [Deed, string])[]): Process {
  const tasks = deeds.map(([deed, on], number): Task => {
    const key = keyAt(on);
    const object = objectAt(key, `${name}-${deed}`);
    return {
      *run(memory, say) {
        const { [on]: known, ...others } = memory as Record<string, Revision>;
        const attempts: string[] = [];
        const next = (): string => attempts[attempts.push(`${name}${number}.${attempts.length}`) - 1]!;
        const context = { ...contextOf(newState()), writer: next };
        try {
          const expected = deed === 'create' ? 'absent' : (known ?? (yield* getSteps(context, key))?.revision);
          if (expected === undefined) return others;
          const commit = { op: deed === 'delete' ? 'delete' : 'put', resource, key, object, expected } as Commit;
          const result = yield* commitSteps(context, commit);
          if (!result.ok) return others;
          say({ what: 'acknowledged', revision: result.revision, writer: attempts.pop()! });
          return deed === 'delete' ? others : { ...others, [on]: result.revision };
        } catch (error) {
          if (!(error instanceof StatusError)) throw error;
          // Nobody knows what became of the last one.
          if (error.reason === 'Timeout') attempts.pop();
          return others;
        } finally {
          say({ what: 'refused', writers: attempts });
        }
      },
    };
  });
  return { name, tasks };
}

/** A task that ends its process when the log or the store has gone away, and must not fail otherwise. */
const task = (reads: boolean, body: (memory: unknown, say: Say) => Steps<unknown>): Task => ({
  reads,
  *run(memory, say) {
    try {
      return yield* body(memory, say);
    } catch (error) {
      const isAllowed =
        error instanceof RevisionExpired || (error instanceof StatusError && error.reason === 'ServiceUnavailable');
      if (!isAllowed) say({ what: 'broken', error: String(error instanceof Error ? error.stack : error) });
      return undefined;
    }
  },
});

interface Reading {
  state: ReturnType<typeof saved>;
  page: ListPage;
  since: Revision;
}

const readOn = task(false, function* (memory, say) {
  const { state: before, page, since } = memory as Reading;
  const state = restored(before);
  const { changes, upTo } = yield* changesSteps(contextOf(state), since);
  say({ what: 'read on', since, upTo, changes });
  return { state: saved(state), page, since: upTo };
});

/** Lists, then reads on, as a watch does. */
export function reader(name: string, readsOn: number, options: ListOptions = {}): Process {
  const list = task(true, function* (_, say) {
    const state = newState();
    const page = yield* listSteps(contextOf(state), options);
    const { revision, items } = page;
    if (!page.next) say({ what: 'listed', revision, items, isNewest: true });
    return { state: saved(state), page, since: revision };
  });
  return { name, tasks: [list, ...Array.from({ length: readsOn }, () => readOn)] };
}

/** Lists in pages of one object. */
export function pager(name: string, pages: number): Process {
  const first = task(true, function* () {
    const state = newState();
    const page = yield* listSteps(contextOf(state), { limit: 1 });
    return { state: saved(state), page, since: page.revision };
  });
  const following = task(false, function* (memory, say) {
    const { state: before, page, since } = memory as Reading;
    const state = restored(before);
    const more = page.next && (yield* listSteps(contextOf(state), { limit: 1, continueFrom: page.next }));
    const items = [...page.items, ...(more?.items ?? [])];
    if (!more?.next) say({ what: 'listed', revision: since, items, isNewest: false });
    return more?.next && { state: saved(state), page: { ...more, items }, since };
  });
  return { name, tasks: [first, ...Array.from({ length: pages - 1 }, () => following)] };
}

/** Asks for the head again and again. */
export function headReader(name: string, times: number): Process {
  const head = task(true, function* (memory, say) {
    const state = restored(memory as Partial<ReturnType<typeof saved>>);
    say({ what: 'head', revision: yield* headSteps(contextOf(state)) });
    return saved(state);
  });
  return { name, tasks: Array.from({ length: times }, () => head) };
}

export function tidier(name: string, maxChanges: number): Process {
  const tidy = task(false, function* () {
    yield* sealSteps(contextOf(newState(), { maxChanges }));
    return undefined;
  });
  return { name, tasks: [tidy] };
}
