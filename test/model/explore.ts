// An exhaustive search of what processes that share tables can do to each other: every interleaving of their operations, each of
// which may also fail, or get lost and take effect at any later time or never. A process that is not run any more has
// crashed, and since every state is checked, every crash is.
//
// A process is a generator and cannot be copied. What it does depends on nothing but its memory when its task began and the
// outcomes it was handed since, so that is its state: a place, made once by running the task again from its beginning.
import type { Op, Outcome, Steps } from '../../core/store/protocol/ops.ts';
import type { ModelEvent } from './events.ts';
import type { Model } from './store-states.ts';
import { StoreStates } from './store-states.ts';

/** One thing that a process does. Returns what it remembers for the next (JSON), undefined to end the process. */
export interface Task {
  /** A list or a head: what was acknowledged before its first operation must be in it. */
  reads?: boolean;
  run(memory: unknown, say: (event: ModelEvent) => void): Steps<unknown>;
}

export interface Process {
  name: string;
  tasks: readonly Task[];
}

export interface Scenario extends Model {
  processes: readonly Process[];
  /** How many operations of one run may fail or get lost. */
  faults?: number;
  /** Whether reads are among them. */
  readsFail?: boolean;
  /** Anybody may seal any revision that was taken and has no row, at any time. */
  sealing?: boolean;
}

/** What a process has come to. */
interface Place {
  id: number;
  task: number;
  memory: unknown;
  history: readonly Outcome[];
  /** What it asks next; undefined when it has ended. */
  op: Op | undefined;
  opId: number;
  /** Whether a list or a head is still to begin. */
  willRead: boolean;
  after: Map<number, Arrival>;
}

/** Where an outcome leads, and what the process says on the way. */
interface Arrival {
  place: Place;
  events: readonly ModelEvent[];
}

interface State {
  store: number;
  places: readonly Place[];
  /** The newest revision that was acknowledged to anybody, while somebody will ask. */
  acknowledged: number;
  /** The same when the list or head of a process began. */
  known: readonly number[];
  faults: number;
}

interface Step {
  /** The process that is answered, by the outcome with this number; -1 for what happens by itself. */
  by: number;
  outcomeId: number;
  next: State;
}

export interface Explored {
  states: number;
  violation: { what: string; trace: readonly string[] } | undefined;
}

const failed: Outcome = { ended: 'failed', error: 'failed' };
const lost: Outcome = { ended: 'lost', error: 'lost' };
const [failedId, lostId] = [-1, -2];

const isRead = (op: Op): boolean => ['counter', 'counters', 'read', 'rows', 'rowsAt', 'scan'].includes(op.do);

export function explore(scenario: Scenario): Explored {
  return new Search(scenario).run();
}

class Search {
  readonly #scenario: Scenario;
  readonly #faults: number;
  readonly #stores: StoreStates;
  /** By the tables' state: one set holds 16 million strings at most. */
  readonly #visited: Set<string>[] = Array.from({ length: 64 }, () => new Set());
  readonly #starts = new Map<string, Place>();
  #placeCount = 0;
  #states = 0;

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    this.#faults = scenario.faults ?? 0;
    this.#stores = new StoreStates(scenario);
  }

  run(): Explored {
    const places = this.#scenario.processes.map((_, by) => this.#startOf(by, 0, {}));
    const state: State = { store: this.#stores.first, places, acknowledged: 0, known: places.map(() => 0), faults: 0 };
    this.#isNew(state);
    const stack = [{ state, steps: this.#steps(state), at: 0 }];
    while (stack.length > 0) {
      const frame = stack.at(-1)!;
      const step = frame.steps[frame.at++];
      if (!step) {
        stack.pop();
        continue;
      }
      const what = this.#take(frame.state, step);
      if (what) {
        const trace = stack.map((one) => this.#label(one.state, one.steps[one.at - 1]!));
        return { states: this.#states, violation: { what, trace } };
      }
      if (!this.#isNew(step.next)) continue;
      stack.push({ state: step.next, steps: this.#steps(step.next), at: 0 });
    }
    return { states: this.#states, violation: undefined };
  }

  #isNew(state: State): boolean {
    const visited = this.#visited[state.store % this.#visited.length]!;
    const key = keyOf(state);
    if (visited.has(key)) return false;
    visited.add(key);
    this.#states++;
    return true;
  }

  #steps(state: State): Step[] {
    const steps: Step[] = [];
    const stores = this.#stores;
    for (const [by, { op, opId }] of state.places.entries()) {
      if (!op) continue;
      const { store, outcomeId } = stores.apply(state.store, opId);
      steps.push({ by, outcomeId, next: { ...state, store } });
      if (state.faults === this.#faults || (isRead(op) && !this.#scenario.readsFail)) continue;
      const faults = state.faults + 1;
      steps.push({ by, outcomeId: failedId, next: { ...state, faults } });
      if (isRead(op)) continue;
      steps.push({ by, outcomeId: lostId, next: { ...state, faults, store: stores.later(state.store, opId) } });
    }
    for (const store of stores.spontaneous(state.store, this.#scenario.sealing ?? false)) {
      steps.push({ by: -1, outcomeId: 0, next: { ...state, store } });
    }
    return steps;
  }

  /** Moves the process that a step answers; says what is wrong then, if anything is. */
  #take(state: State, { by, outcomeId, next }: Step): string | undefined {
    const wrong = this.#stores.transition(state.store, next.store);
    if (wrong || by < 0) return wrong;
    const place = state.places[by]!;
    const { place: moved, events } = this.#arrive(by, place, outcomeId, state.store);
    const known = [...state.known];
    if (place.history.length === 0 && this.#scenario.processes[by]!.tasks[place.task]!.reads) {
      known[by] = state.acknowledged;
    }
    let { acknowledged } = state;
    for (const event of events) {
      const what = this.#stores.check(next.store, event, known[by]!);
      if (what) return what;
      if (event.what === 'acknowledged') acknowledged = Math.max(acknowledged, event.revision);
    }
    if (moved.task !== place.task) known[by] = 0;
    next.places = state.places.map((one, i) => (i === by ? moved : one));
    next.known = known;
    next.acknowledged = next.places.some(({ willRead }) => willRead) ? acknowledged : 0;
    return undefined;
  }

  #arrive(by: number, place: Place, outcomeId: number, store: number): Arrival {
    let arrival = place.after.get(outcomeId);
    if (!arrival) {
      const outcome =
        outcomeId === failedId ? failed : outcomeId === lostId ? lost : this.#stores.apply(store, place.opId).outcome;
      arrival = this.#place(by, place.task, place.memory, [...place.history, outcome]);
      place.after.set(outcomeId, arrival);
    }
    return arrival;
  }

  #startOf(by: number, task: number, memory: unknown): Place {
    const isOver = memory === undefined || task >= this.#scenario.processes[by]!.tasks.length;
    const key = isOver ? `${by} is over` : `${by},${task},${JSON.stringify(memory)}`;
    let place = this.#starts.get(key);
    if (!place) {
      place = isOver
        ? this.#newPlace(by, Number.POSITIVE_INFINITY, memory, [], undefined)
        : this.#place(by, task, memory, []).place;
      this.#starts.set(key, place);
    }
    return place;
  }

  /** Runs a task from its beginning through its outcomes. */
  #place(by: number, task: number, memory: unknown, history: readonly Outcome[]): Arrival {
    let events: ModelEvent[] = [];
    const steps = this.#scenario.processes[by]!.tasks[task]!.run(memory, (event) => events.push(event));
    let step = afterWaits(steps, steps.next());
    for (const outcome of history) {
      events = [];
      step = afterWaits(steps, steps.next(outcome));
    }
    if (step.done) return { place: this.#startOf(by, task + 1, step.value), events };
    return { place: this.#newPlace(by, task, memory, history, step.value), events };
  }

  #newPlace(by: number, task: number, memory: unknown, history: readonly Outcome[], op: Op | undefined): Place {
    const later = this.#scenario.processes[by]!.tasks.slice(history.length === 0 ? task : task + 1);
    return {
      id: this.#placeCount++,
      task,
      memory,
      history,
      op,
      opId: op ? this.#stores.opId(op) : -1,
      willRead: op !== undefined && later.some(({ reads }) => reads),
      after: new Map(),
    };
  }

  #label({ places, store }: State, { by, outcomeId, next }: Step): string {
    if (by < 0) return this.#stores.difference(store, next.store);
    const { opId } = places[by]!;
    const how =
      outcomeId === failedId ? 'fails' : outcomeId === lostId ? 'gets lost' : `-> ${this.#stores.outcome(outcomeId)}`;
    return `${this.#scenario.processes[by]!.name}: ${this.#stores.operation(opId)} ${how}`;
  }
}

/** Waiting is what all the other processes' steps are: by itself it changes nothing. */
function afterWaits<T>(steps: Steps<T>, first: IteratorResult<Op, T>): IteratorResult<Op, T> {
  let step = first;
  while (!step.done && step.value.do === 'wait') step = steps.next({ ended: 'done', value: undefined });
  return step;
}

function keyOf({ store, places, acknowledged, known, faults }: State): string {
  let key = `${store},${faults},${acknowledged}`;
  for (const place of places) key += `,${place.id}`;
  for (const one of known) key += `,${one}`;
  return key;
}
