// Schedulers over the same tables, each of which can be stopped in the middle of a binding: after it took a revision, before its
// transaction.
import type { KubeObject } from '../../../core/api/objects.ts';
import type { Client } from '../../../core/client/client.ts';
import { seededRandom } from '../../../core/client/fixture/random.ts';
import { resources } from '../../../core/client/resources.ts';
import type { Clock, Ports } from '../../../core/ports.ts';
import { orderOf } from '../../../core/store/image.ts';
import type { Op } from '../../../core/store/protocol/ops.ts';
import { ProtocolStore } from '../../../core/store/protocol/store.ts';
import { quietStore } from '../../../lambdas/host/quiet-store.ts';
import { invoke, type ReactingFunction } from '../../../lambdas/host/reacting-function.ts';
import { schedulerFunction } from '../../../lambdas/scheduler/function.ts';
import { FakeTable } from '../fake-table.ts';
import { VirtualTime } from '../virtual-time.ts';
import { composeOver, seededIds, writeDefaults } from './control-plane.ts';
import { Kubelet } from './kubelet.ts';
import { quiet } from './quiet.ts';

const minuteMs = 60_000;

/** Where writes to pods wait while it is shut. */
class Barrier {
  #isShut = false;
  readonly #held: (() => void)[] = [];

  shut(): void {
    this.#isShut = true;
  }

  open(): void {
    this.#isShut = false;
    for (const go of this.#held.splice(0)) go();
  }

  get holdsOne(): boolean {
    return this.#held.length > 0;
  }

  readonly pass = async (op: Op): Promise<void> => {
    if (!this.#isShut || op.do !== 'write' || op.resource !== 'pods') return;
    await new Promise<void>((go) => this.#held.push(go));
  };
}

export interface Scheduler {
  bindings: Barrier;
  /** Begins an invocation that looks at everything; `ended` when it is over. */
  look(): { ended: boolean };
}

export class SchedulerRace {
  readonly tables: FakeTable;
  readonly #time = new VirtualTime(quiet);
  readonly #ports: Ports;
  #client!: Client;

  constructor(seed: number) {
    const random = seededRandom(seed);
    this.tables = new FakeTable(this.#time, random);
    const epochMs = Date.UTC(2026, 0, 1);
    const clock: Clock = {
      now: () => epochMs + this.#time.now,
      after: (delayMs, callback) => this.#time.after(Math.max(0, delayMs), callback),
    };
    this.#ports = { clock, ids: seededIds(random), log: () => {} };
  }

  async begin(nodes: readonly string[]): Promise<void> {
    const { store } = this.#store();
    await this.#does(writeDefaults({ ...this.#ports, store }));
    this.#client = (await composeOver({ ...this.#ports, store })).clientOf('user');
    store.settled();
    for (const name of nodes) await this.#does(this.#join(name));
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace: 'default' } };
    await this.#does(this.#client.create(resources.serviceAccounts, account));
  }

  async #join(name: string): Promise<void> {
    const kubelet = new Kubelet(name, this.#client, this.#ports.clock);
    await kubelet.register();
    await kubelet.sync();
    await this.#client.patch(resources.nodes, { name }, { spec: { taints: null } }, { type: 'merge' });
  }

  #store() {
    const bindings = new Barrier();
    const execute = this.tables.executor(() => false);
    const store = new ProtocolStore({
      ports: this.#ports,
      execute: async (op) => {
        await bindings.pass(op);
        return await execute(op);
      },
    });
    return { bindings, store: quietStore(store) };
  }

  async scheduler(): Promise<Scheduler> {
    const { bindings, store } = this.#store();
    const host = await composeOver({ ...this.#ports, store });
    store.settled();
    const reacting = schedulerFunction({ ...host, decode: () => [] });
    return { bindings, look: () => this.#look(reacting) };
  }

  #look(reacting: ReactingFunction): { ended: boolean } {
    const state = { ended: false };
    const endMs = this.#time.now + minuteMs;
    void invoke(reacting, {}, () => endMs - this.#time.now).then(() => {
      state.ended = true;
    });
    return state;
  }

  /** Lets time pass until it holds. */
  async until(what: string, holds: () => boolean): Promise<void> {
    const endMs = this.#time.now + minuteMs;
    await this.#time.passUntil(() => holds() || this.#time.now > endMs);
    if (!holds()) throw new Error(`not within a minute: ${what}`);
  }

  async #does<T>(work: Promise<T>): Promise<T> {
    let isDone = false;
    const done = (): void => {
      isDone = true;
    };
    work.then(done, done);
    await this.until('what was asked', () => isDone);
    return await work;
  }

  cordon(name: string, unschedulable: boolean): Promise<unknown> {
    return this.#does(this.#client.patch(resources.nodes, { name }, { spec: { unschedulable } }, { type: 'merge' }));
  }

  createPod(name: string): Promise<KubeObject> {
    const containers = [{ name: 'c', image: 'i', resources: { requests: { cpu: '3' } } }];
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default' }, spec: { containers } };
    return this.#does(this.#client.create<KubeObject>(resources.pods, pod));
  }

  nodeOf(name: string): string | undefined {
    const slot = this.tables.table.part('pods').slots.get(orderOf({ namespace: 'default', name }));
    return (slot?.object?.['spec'] as { nodeName?: string } | undefined)?.nodeName;
  }
}
