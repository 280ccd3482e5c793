// A cluster whose control plane is made of functions over the tables of the revision protocol, and the host that runs them: a seed
// decides how long each call takes and whether it is answered, who is invoked when and how often, how far each clock is off, when a
// function runs out of time, and when it dies between two operations.
import type { KubeObject, ObjectKey } from '../../../core/api/objects.ts';
import type { Client } from '../../../core/client/client.ts';
import { type Random, seededRandom } from '../../../core/client/fixture/random.ts';
import type { Clock, Log } from '../../../core/ports.ts';
import { orderOf } from '../../../core/store/image.ts';
import type { Resource } from '../../../core/store/store.ts';
import { onInstanceEvent } from '../../../lambdas/instance-events/function.ts';
import { FakeTable } from '../fake-table.ts';
import { VirtualTime } from '../virtual-time.ts';
import { apiFunctions } from './api-functions.ts';
import { composeOver, seededIds, writeDefaults } from './control-plane.ts';
import { Deaths } from './deaths.ts';
import { Environment, type Surroundings } from './environment.ts';
import { Kubelet } from './kubelet.ts';
import { Notes } from './noted-store.ts';
import { soundHost, type WorldOptions } from './options.ts';
import type { Lambda } from './pool.ts';
import { quiet } from './quiet.ts';
import { Reactors, reactors } from './reactors.ts';
import { Streams } from './streams.ts';
import { startTicks } from './ticks.ts';
import { type User, userOf } from './user.ts';

const minuteMs = 60_000;
const epochMs = Date.UTC(2026, 0, 1);
/** Of the API; nodes and users call at once. */
const apiInstances = 6;
/** In what time everything must have come to be as it was asked for. */
const patienceMs = 180 * minuteMs;
/** Log lines kept for who asks why nothing happens. */
const linesLimit = 10;

export class World implements Lambda {
  readonly random: Random;
  readonly options: Required<WorldOptions>;
  readonly time = new VirtualTime(quiet);
  readonly tables: FakeTable;
  readonly deaths: Deaths;
  readonly notes = new Notes();
  readonly reactors: Reactors;
  readonly kubelets: Kubelet[] = [];
  readonly user: User;
  readonly coldStarts: number;
  outage: Promise<void> | undefined;
  invocations = 0;
  /** The true time. */
  readonly clock: Clock = {
    now: () => epochMs + this.time.now,
    after: (delayMs, callback) => this.time.after(Math.max(0, delayMs), callback),
  };
  readonly #surroundings: Surroundings;
  readonly #clientOf: (component: string) => Client;
  readonly #lines: unknown[] = [];
  #failure: Error | undefined;
  /** Rows put into the log so far. */
  #rows = 0;

  constructor(options: WorldOptions) {
    this.options = { ...soundHost, ...options };
    const { seed, faults, deaths, duplicates } = this.options;
    this.random = seededRandom(seed);
    this.coldStarts = this.options.coldStarts;
    const streams = new Streams(this.time, this.random, duplicates);
    this.tables = new FakeTable(this.time, this.random, {}, (resource, row) => {
      this.#rows++;
      streams.told(resource, row);
    });
    this.tables.faults = faults;
    this.deaths = new Deaths(this.random, deaths);
    const { tables, clock, notes } = this;
    const ids = seededIds(this.random);
    this.#surroundings = { tables, clock, notes, ids, log: this.#log, deaths: this.deaths };
    this.#clientOf = apiFunctions(this, ids, apiInstances);
    this.user = userOf(this.#clientOf('user'), this.time, this.random);
    const ring = (names: readonly string[]): void => this.#ring(names);
    this.reactors = new Reactors(this, { ...this.options, ids, ring });
    for (const name of reactors) streams.consume((Records) => this.reactors.invoke(name, { Records } as never));
  }

  /** The default objects stand, and the clock begins to tick. */
  async start(): Promise<void> {
    const sound = this.#sound();
    await this.does(writeDefaults({ ...sound.ports, store: sound.store }));
    startTicks(this, this.clock, this.reactors);
  }

  addNode(name: string): void {
    const kubelet = new Kubelet(name, this.#clientOf('node'), this.clock);
    this.kubelets.push(kubelet);
    void kubelet.live(this.time, this.random);
  }

  open(name: string): Environment {
    const skewMs = Math.round((this.random.next() * 2 - 1) * this.options.skewMs);
    return new Environment(name, skewMs, this.#surroundings);
  }

  /** An environment that does not die and is never frozen. */
  #sound(): Environment {
    const deaths = new Deaths(this.random, 0);
    const environment = new Environment('sound', 0, { ...this.#surroundings, deaths });
    environment.thaw();
    return environment;
  }

  readonly #log: Log = (level, event, fields) => {
    if (event === 'request.failed') this.#failure ??= new Error(`500 was answered: ${JSON.stringify(fields)}`);
    if (level === 'debug' || level === 'info') return;
    this.#lines.push([event, fields]);
    if (this.#lines.length > linesLimit) this.#lines.shift();
  };

  #ring(names: readonly string[]): void {
    for (const kubelet of this.kubelets) {
      if (!names.includes(kubelet.name) || this.random.chance(this.options.duplicates)) continue;
      this.time.after(5 + this.random.below(50), () => kubelet.ring());
    }
  }

  /** What EventBridge says of an instance; Lambda asks the function again until it has done it. */
  async machine(id: string, state: string): Promise<void> {
    const environment = this.#sound();
    const { ids } = this.#surroundings;
    const host = await composeOver({ ...environment.ports, ids, store: environment.store });
    const event = { 'detail-type': 'EC2 Instance State-change Notification', detail: { 'instance-id': id, state } };
    const told = async (): Promise<void> => {
      while (
        !(await onInstanceEvent(host, event).then(
          () => true,
          () => false,
        ))
      )
        await this.time.sleep(minuteMs);
    };
    await this.does(told());
  }

  /** Time passes until it is done. */
  async does<T>(work: Promise<T>): Promise<T> {
    let isDone = false;
    const done = (): void => {
      isDone = true;
    };
    work.then(done, done);
    const endMs = this.time.now + patienceMs;
    await this.#pass(() => isDone || this.time.now > endMs);
    if (!isDone) throw new Error(`seed ${this.options.seed}: what is waited for has not happened`);
    return await work;
  }

  /** Lets so much time pass; after each change of anything `holds` is called, which throws when it does not. */
  async run(ms: number, holds: () => void = () => {}): Promise<void> {
    const endMs = this.time.now + ms;
    const isOver = this.#atEachChange(() => {
      holds();
      return false;
    });
    await this.#pass(() => isOver() || this.time.now >= endMs);
  }

  /** The control plane does nothing for so long: no tick, no invocation, no answer to anybody. What came meanwhile is late. */
  async rest(ms: number): Promise<void> {
    this.outage = this.time.sleep(ms);
    await this.run(ms);
    this.outage = undefined;
  }

  /** From now on nothing goes wrong; what is under way ends. */
  async calm(): Promise<void> {
    this.tables.faults = soundHost.faults;
    this.deaths.end();
    await this.run(3 * minuteMs);
    await this.#pass(() => this.reactors.isIdle);
  }

  /** Lets time pass until it is so; looks after each change of anything. Says what stood when it never was. */
  async until(isSo: () => boolean, describe: () => string): Promise<void> {
    const endMs = this.time.now + patienceMs;
    let isDone = false;
    const look = this.#atEachChange(() => (isDone = isSo()));
    await this.#pass(() => look() || this.time.now > endMs);
    if (!isDone) throw new Error(`seed ${this.options.seed}: not settled: ${describe()}`);
  }

  #atEachChange(look: () => boolean): () => boolean {
    let seen = -1;
    return () => {
      if (seen === this.#rows) return false;
      seen = this.#rows;
      return look();
    };
  }

  async #pass(isDone: () => boolean): Promise<void> {
    await this.time.passUntil(() => this.#failure !== undefined || isDone());
    if (this.#failure) throw this.#failure;
  }

  /** What stands in the tables at this moment. */
  objects(resource: Resource): readonly KubeObject[] {
    const { orders, slots } = this.tables.table.part(resource);
    return orders.flatMap((order) => slots.get(order)?.object ?? []);
  }

  object(resource: Resource, key: ObjectKey): KubeObject | undefined {
    return this.tables.table.part(resource).slots.get(orderOf(key))?.object;
  }

  /** For who asks why nothing happens. */
  get host(): unknown {
    const { invocations, deaths, reactors: all } = this;
    return { time: this.clock.now(), invocations, deaths: deaths.counts, busy: all.busy, lines: this.#lines };
  }
}
