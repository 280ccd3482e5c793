// A cluster whose control plane is made of functions, and the host that runs them: a seed decides who is invoked when, with what,
// how often, on which instance, how far its clock is off, when it runs out of time, and when it dies between two writes.
import type { Client } from '../../../core/client/client.ts';
import { type ManualPorts, manualPorts } from '../../../core/client/fixture/manual-ports.ts';
import { type Random, seededRandom } from '../../../core/client/fixture/random.ts';
import { MemoryStore } from '../../../core/store/memory.ts';
import type { Resource, Revision } from '../../../core/store/store.ts';
import { controllersFunction } from '../../../lambdas/controllers/function.ts';
import type { Host } from '../../../lambdas/host/caches.ts';
import type { Call, FunctionEvent, StreamChange } from '../../../lambdas/host/event.ts';
import { type FunctionName, readState, stateResource } from '../../../lambdas/host/function-state.ts';
import { invoke, type ReactingFunction } from '../../../lambdas/host/reacting-function.ts';
import { onInstanceEvent } from '../../../lambdas/instance-events/function.ts';
import { schedulerFunction } from '../../../lambdas/scheduler/function.ts';
import { planTick } from '../../../lambdas/tick/plan.ts';
import { composeOver, seededIds, writeDefaults } from './control-plane.ts';
import { Gate } from './gate.ts';
import type { Kubelet } from './kubelet.ts';

type Reactor = Exclude<FunctionName, 'workers'>;

/** Nothing is signed here; the bundle is published in every namespace. */
const ca = { certificate: 'PEM', key: '' };

/** Digests are made on other threads, and end when those please: a run that is to repeat itself waits for them. */
const digests = new Set<Promise<unknown>>();
const digest = crypto.subtle.digest.bind(crypto.subtle);
crypto.subtle.digest = (...args) => {
  const made = digest(...args);
  digests.add(made);
  void made.finally(() => digests.delete(made));
  return made;
};

/** Lets everything that can go on do so. */
const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) {
    await new Promise((resolve) => setImmediate(resolve));
    await Promise.all(digests);
  }
};

interface Instance {
  name: Reactor;
  id: symbol;
  reacting: ReactingFunction;
  busy: boolean;
  dead: boolean;
}

interface Delivery {
  event: FunctionEvent;
  /** Not before. */
  atMs: number;
  /** Of a stream: which shard waits for its end. */
  shard?: Shard;
}

interface Shard {
  to: Reactor;
  resource: Resource;
  /** Read up to here, and acknowledged up to here. */
  upTo: Revision;
  busy: boolean;
}

export interface WorldOptions {
  seed: number;
  /** Functions' clocks are off by up to this. */
  skewMs?: number;
  /** Instances of one function at once. */
  instances?: number;
  /** Of the scheduler, where it is another number: reserved concurrency. */
  schedulers?: number;
  faults?: { before: number; after: number };
  kills?: number;
  coldStarts?: number;
  duplicates?: number;
  shortTimes?: number;
}

const quiet = new Set<Resource>(['leases.coordination.k8s.io', 'events', stateResource]);

export class World {
  readonly random: Random;
  readonly ports: ManualPorts = manualPorts();
  readonly store = new MemoryStore({ now: () => this.ports.clock.now(), limits: { maxAgeMs: 3_600_000 } });
  readonly gate: Gate;
  readonly options: Required<WorldOptions>;
  readonly kubelets: Kubelet[] = [];
  readonly #shards = new Map<string, Shard>();
  readonly #instances: Instance[] = [];
  #deliveries: Delivery[] = [];
  #tickedMs = 0;
  /** The control plane does nothing: no tick comes, nobody is invoked, no node is answered. */
  isOut = false;
  invocations = 0;
  kills = 0;
  workersAsked = 0;
  #host!: Host;
  client!: Client;

  constructor(options: WorldOptions) {
    this.random = seededRandom(options.seed);
    this.options = {
      skewMs: 0,
      instances: 1,
      schedulers: options.instances ?? 1,
      faults: { before: 0, after: 0 },
      kills: 0,
      coldStarts: 0,
      duplicates: 0,
      shortTimes: 0,
      ...options,
    };
    this.gate = new Gate(this.random);
    this.gate.faults = this.options.faults;
  }

  async start(): Promise<void> {
    const ids = seededIds(this.random);
    const plane = { store: this.store, clock: this.ports.clock, ids, log: () => {} };
    await writeDefaults(plane);
    this.#host = await composeOver(plane);
    this.client = this.#host.clientOf('user');
    this.#tickedMs = this.ports.clock.now();
    this.store.onChange((resource) => this.#noteResource(resource));
    for (const resource of ['pods', 'nodes', 'namespaces', 'deployments.apps']) this.#noteResource(resource);
  }

  #noteResource(resource: Resource): void {
    if (quiet.has(resource)) return;
    for (const to of ['scheduler', 'controllers'] as const) {
      const id = `${to}/${resource}`;
      if (!this.#shards.has(id)) this.#shards.set(id, { to, resource, upTo: 1, busy: false });
    }
  }

  /** One thing happens. */
  async step(): Promise<void> {
    // With nothing under way there is only what comes next, and time.
    const dice = this.gate.pending > 0 ? this.random.next() : 0.62 + 0.38 * this.random.next();
    if (dice < 0.62) for (let i = 1 + this.random.below(4); i > 0; i--) this.gate.letOneThrough();
    else if (dice < 0.82) await this.#deliver();
    else if (dice < 0.9) await this.#nodesAct();
    else if (dice < 0.9 + this.options.kills) this.#kill();
    else this.#pass();
    await turns(3);
  }

  #pass(): void {
    // With everybody at rest there is nothing to see before something falls due.
    const isCalm = this.gate.pending === 0;
    this.ports.pass(isCalm ? this.random.below(6_000) : this.random.below(50));
    this.#tick();
  }

  #tick(): void {
    const minuteMs = 60_000;
    while (this.ports.clock.now() - this.#tickedMs >= minuteMs) {
      this.#tickedMs += minuteMs;
      if (this.isOut) continue;
      const tickMs = this.#tickedMs;
      void readState(this.store).then((state) => {
        for (const { to, call } of planTick(state, tickMs).calls) if (to !== 'workers') this.#later(to, call);
      });
    }
  }

  #later(to: Reactor, event: Call): void {
    const times = this.random.chance(this.options.duplicates) ? 2 : 1;
    for (let i = 0; i < times; i++) this.#queue(to, event, this.random.below(3_000));
  }

  readonly #to = new WeakMap<Delivery, Reactor>();

  #queue(to: Reactor, event: FunctionEvent, delayMs: number): void {
    const delivery = { event, atMs: this.ports.clock.now() + delayMs };
    this.#to.set(delivery, to);
    this.#deliveries.push(delivery);
  }

  #send(to: Reactor, delayMs: number): void {
    this.#queue(to, { Records: [{ messageId: 'wake' }] as never }, delayMs);
  }

  /** A batch of a shard, or an event that waits, goes to an instance. */
  async #deliver(): Promise<void> {
    if (this.isOut) return;
    const nowMs = this.ports.clock.now();
    const batches = (await Promise.all([...this.#shards.values()].map((shard) => this.#batchOf(shard)))).flat();
    const ready = [...this.#deliveries.filter(({ atMs }) => atMs <= nowMs), ...batches];
    const chosen = this.random.pick(ready);
    if (!chosen) return;
    const to = chosen.shard?.to ?? this.#to.get(chosen)!;
    const instance = await this.#instanceFor(to);
    if (!instance) return;
    if (chosen.shard) chosen.shard.busy = true;
    else if (!this.random.chance(this.options.duplicates)) {
      this.#deliveries = this.#deliveries.filter((one) => one !== chosen);
    }
    void this.#run(instance, chosen);
  }

  async #batchOf(shard: Shard): Promise<Delivery[]> {
    if (shard.busy) return [];
    const { changes } = await this.store.changesSince(shard.resource, shard.upTo, 20);
    if (changes.length === 0) return [];
    const size = 1 + this.random.below(changes.length);
    const records = changes.slice(0, size).map((change) => ({
      dynamodb: { SequenceNumber: String(change.revision) },
      // What the stream of the table would hold as an image.
      told: { resource: shard.resource, revision: change.revision, change, sequenceNumber: String(change.revision) },
    }));
    return [{ event: { Records: records as never }, atMs: 0, shard }];
  }

  async #instanceFor(name: Reactor): Promise<Instance | undefined> {
    const own = this.#instances.filter((one) => one.name === name);
    const idle = own.filter(({ busy }) => !busy);
    if (idle.length > 0 && this.random.chance(this.options.coldStarts)) this.#drop(this.random.pick(idle)!);
    const warm = this.random.pick(idle.filter(({ dead }) => !dead));
    if (warm) return warm;
    const most = name === 'scheduler' ? this.options.schedulers : this.options.instances;
    if (own.filter(({ busy, dead }) => busy && !dead).length >= most) return undefined;
    const fresh = await this.#cold(name);
    this.#instances.push(fresh);
    return fresh;
  }

  async #cold(name: Reactor): Promise<Instance> {
    const id = Symbol(name);
    const instance: Instance = { name, id, reacting: undefined as never, busy: false, dead: false };
    const skewMs = Math.round((this.random.next() * 2 - 1) * this.options.skewMs);
    const { clock } = this.ports;
    const host = await composeOver({
      store: this.gate.through(this.store, id, () => instance.dead),
      clock: {
        now: () => clock.now() + skewMs,
        after: (delayMs, callback) => clock.after(delayMs, () => !instance.dead && callback()),
      },
      ids: seededIds(this.random),
      log: this.ports.log,
    });
    const common = {
      ...host,
      sendDelayed: async (delaySeconds: number) => this.#send(name, delaySeconds * 1_000),
      decode: (records: readonly object[]) => records.map((record) => (record as { told: StreamChange }).told),
    };
    instance.reacting =
      name === 'scheduler'
        ? schedulerFunction({ ...common, askForWorkers: async () => void this.workersAsked++ })
        : controllersFunction({ ...common, ca, ring: async (names) => this.#ring(names) });
    return instance;
  }

  #ring(names: readonly string[]): void {
    for (const kubelet of this.kubelets) if (names.includes(kubelet.name)) kubelet.ring();
  }

  async #run(instance: Instance, { event, shard }: Delivery): Promise<void> {
    instance.busy = true;
    this.invocations++;
    this.gate.thaw(instance.id);
    const isShort = this.random.chance(this.options.shortTimes);
    const endMs = this.ports.clock.now() + (isShort ? 5_050 : 60_000);
    let response: Awaited<ReturnType<typeof invoke>> | undefined;
    try {
      response = await invoke(instance.reacting, event, () => endMs - this.ports.clock.now());
    } catch {
      // The tick comes again.
    }
    if (instance.dead) return;
    instance.busy = false;
    if ('Records' in event && !shard && response?.batchItemFailures.length !== 0) this.#send(instance.name, 1_000);
    this.gate.freeze(instance.id);
    if (shard) this.#acknowledge(shard, event, response?.batchItemFailures[0]?.itemIdentifier);
  }

  #acknowledge(shard: Shard, event: FunctionEvent, failed: string | undefined): void {
    shard.busy = false;
    if (!('Records' in event) || this.random.chance(this.options.duplicates)) return;
    const last = Number((event.Records.at(-1) as { dynamodb: { SequenceNumber: string } }).dynamodb.SequenceNumber);
    shard.upTo = failed === undefined ? last : Number(failed) - 1;
  }

  #drop(instance: Instance): void {
    instance.dead = true;
    this.gate.bury(instance.id);
    this.#instances.splice(this.#instances.indexOf(instance), 1);
  }

  /** A function dies where it stands; its batch is delivered again. */
  #kill(): void {
    const victim = this.random.pick(this.#instances.filter(({ busy }) => busy));
    if (!victim) return;
    this.kills++;
    this.#drop(victim);
    // Which shard it had is not known here: all of its function's are delivered again.
    for (const shard of this.#shards.values()) if (shard.to === victim.name) shard.busy = false;
  }

  async #nodesAct(): Promise<void> {
    if (this.isOut) return;
    const due = this.kubelets.filter(({ isDue }) => isDue);
    const kubelet = this.random.pick(due);
    if (kubelet) await kubelet.sync();
  }

  /** Who runs, what waits, and how far the stream was read: for who asks why nothing happens. */
  get host(): unknown {
    return {
      time: this.ports.clock.now(),
      instances: this.#instances.map(({ name, busy, dead }) => ({ name, busy, dead })),
      shards: [...this.#shards.values()],
      deliveries: this.#deliveries,
      pending: this.gate.pending,
    };
  }

  /** What EventBridge says of an instance. */
  async machine(id: string, state: string): Promise<void> {
    const detail = { 'instance-id': id, state };
    await onInstanceEvent(this.#host, { 'detail-type': 'EC2 Instance State-change Notification', detail });
  }

  /** Lets so much time pass. */
  async run(ms: number): Promise<void> {
    const endMs = this.ports.clock.now() + ms;
    while (this.ports.clock.now() < endMs) await this.step();
  }

  /** The control plane does nothing for so long: no tick, no invocation, no answer to a node. What came meanwhile is late. */
  outage(ms: number): void {
    this.isOut = true;
    this.ports.pass(ms);
    this.#tick();
    for (const kubelet of this.kubelets) kubelet.wait(this.random.below(75_000));
    this.isOut = false;
  }

  /** Steps until `done`, at most `limit`; says what stood when it never was. */
  async until(done: () => Promise<boolean>, describe: () => Promise<string>, limit = 60_000): Promise<void> {
    for (let i = 0; i < limit; i++) {
      if (i % 20 === 0 && (await done())) return;
      await this.step();
    }
    throw new Error(`seed ${this.options.seed}: not settled: ${await describe()}`);
  }
}
