// Three workers follow the version that the control plane names, while requests are lost and processes are killed between any two
// steps. SLIPWAY_SEED=N repeats one run.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StatusError } from '../../core/api/errors.ts';
import { agentUpdateLease } from '../../core/api/node-sync.ts';
import type { Lease, Node, Pod } from '../../core/api/types.gen.ts';
import type { Client } from '../../core/client/client.ts';
import { FakeApi } from '../../core/client/fixture/fake-api.ts';
import { faultyClient } from '../../core/client/fixture/faulty-client.ts';
import { type ManualPorts, manualPorts } from '../../core/client/fixture/manual-ports.ts';
import { type Random, seededRandom } from '../../core/client/fixture/random.ts';
import { resources } from '../../core/client/resources.ts';
import type { Trial, UpdateFailure, UpdateState } from './decide.ts';
import { agentUpdate } from './files.ts';
import { UpdateLock } from './lock.ts';
import { Updater } from './updater.ts';

const leases = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases' };
const settle = async (): Promise<void> => {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
};

/** What a worker's disk holds: it survives its processes. */
interface Disk {
  kept: { state?: UpdateState; failure?: UpdateFailure };
  trial?: Trial & { count: number };
  takenBack?: Trial;
  current: string;
  versions: Set<string>;
}

class Killed extends Error {}

interface Conditions {
  ports: ManualPorts;
  random: Random;
  api: FakeApi;
  /** Chances while the weather is bad. */
  faults: { kill: number; lost: number };
  /** Versions that start and never reach the control plane. */
  bad: ReadonlySet<string>;
  budgetSaysNo: number;
}

class Worker {
  readonly name: string;
  readonly disk: Disk = { kept: {}, current: 'v1', versions: new Set(['v1']) };
  pods: Pod[];
  events: string[] = [];
  readonly #on: Conditions;
  #process: { updater: Updater; version: string } | undefined;
  readonly preCordoned: boolean;

  constructor(on: Conditions, name: string, preCordoned: boolean) {
    this.#on = on;
    this.name = name;
    this.preCordoned = preCordoned;
    const owned = (kind: string, pod: string): Pod => ({
      metadata: {
        name: `${name}-${pod}`,
        namespace: 'd',
        uid: `${name}-${pod}`,
        ownerReferences: [{ apiVersion: 'apps/v1', kind, name: 'o', uid: 'o', controller: true }],
      },
    });
    this.pods = [
      owned('ReplicaSet', 'a'),
      owned('ReplicaSet', 'b'),
      owned('DaemonSet', 'c'),
      { metadata: { name: 'bare' } },
    ];
    on.api.create(resources.nodes, {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name },
      spec: preCordoned ? { unschedulable: true } : {},
    } as never);
  }

  get node(): Node {
    return this.#on.api.find(resources.nodes, { namespace: '', name: this.name }) as Node;
  }

  get runs(): string | undefined {
    return this.#process?.version;
  }

  /** The guard, then whatever `current` leads to. */
  start(): void {
    const { disk } = this;
    if (disk.trial && disk.current === disk.trial.to) {
      if (disk.trial.count >= agentUpdate.starts) {
        disk.current = disk.trial.from;
        disk.takenBack = disk.trial;
        disk.trial = undefined;
      } else disk.trial.count++;
    }
    const version = disk.current;
    this.#process = { updater: this.#updater(version), version };
    this.#process.updater.start();
  }

  tick(wanted: string): void {
    if (!this.#process) this.start();
    else if (!this.#on.bad.has(this.#process.version))
      this.#process.updater.answered({ agentVersion: wanted, node: this.node as never });
  }

  die(): void {
    this.#process?.updater.close();
    this.#process = undefined;
  }

  /** Killed before or after an effect, or neither. */
  #mortal<A extends unknown[], R>(effect: (...args: A) => R): (...args: A) => R {
    return (...args) => {
      this.#risk();
      const result = effect(...args);
      this.#risk();
      return result;
    };
  }

  #mortalCall<A extends unknown[], R>(effect: (...args: A) => Promise<R>): (...args: A) => Promise<R> {
    return async (...args) => {
      this.#risk();
      const result = await effect(...args);
      this.#risk();
      return result;
    };
  }

  #risk(): void {
    if (!this.#on.random.chance(this.#on.faults.kill)) return;
    this.die();
    throw new Killed('killed');
  }

  #updater(version: string): Updater {
    const { disk } = this;
    const { ports, random, api, faults } = this.#on;
    const lost = { refused: faults.lost, lostAnswer: faults.lost, watchEnds: 0, repeated: 0, delayed: 0 };
    const faulty = faultyClient(api.client(), random, lost, () => Promise.resolve()).client;
    const client: Pick<Client, 'get' | 'create' | 'update' | 'patch'> = {
      get: this.#mortalCall(faulty.get.bind(faulty)) as Client['get'],
      update: this.#mortalCall(faulty.update.bind(faulty)) as Client['update'],
      patch: this.#mortalCall(faulty.patch.bind(faulty)) as Client['patch'],
      create: this.#mortalCall(async (of, object, options) =>
        options?.subresource === 'eviction' ? this.#evict(options.name!) : faulty.create(of, object as never),
      ) as Client['create'],
    };
    return new Updater({
      running: version,
      nodeName: this.name,
      client,
      lock: new UpdateLock(client, this.name, () => ports.clock.now()),
      disk: {
        kept: () => structuredClone(disk.kept),
        keep: this.#mortal((kept) => void (disk.kept = structuredClone(kept))),
        trial: () => disk.trial,
        takenBack: () => disk.takenBack,
        forgetTrial: this.#mortal(() => void (disk.trial = undefined)),
        forgetTakenBack: this.#mortal(() => void (disk.takenBack = undefined)),
        has: (wanted) => disk.versions.has(wanted),
        turn: (trial) => {
          this.#mortal(() => void (disk.trial = { ...trial, count: 0 }))();
          this.#mortal(() => void (disk.current = trial.to))();
        },
        prune: (keep) => {
          for (const held of disk.versions)
            if (!keep.includes(held) && held !== disk.current) disk.versions.delete(held);
        },
      },
      pods: () => this.pods,
      fetch: async (wanted) => {
        if (random.chance(faults.lost)) throw new Error('S3 is away');
        this.#mortal(() => void disk.versions.add(wanted))();
      },
      tell: (_type, reason) => void this.events.push(reason),
      exit: () => this.die(),
      clock: ports.clock,
      log: () => {},
    });
  }

  #evict(name: string): object {
    if (this.#on.random.chance(this.#on.budgetSaysNo)) throw new StatusError('TooManyRequests', 'budget');
    this.pods = this.pods.filter(({ metadata }) => metadata?.name !== name);
    return {};
  }
}

const cordonedForUpdate = (worker: Worker): boolean =>
  (worker.node.spec?.unschedulable ?? false) && !worker.preCordoned;

async function world(seed: number): Promise<void> {
  const random = seededRandom(seed);
  const ports = manualPorts();
  const faults = { kill: 0.03, lost: 0.05 };
  const bad = new Set(random.chance(0.3) ? ['v2'] : []);
  const on: Conditions = {
    ports,
    random,
    api: new FakeApi(ports),
    faults,
    bad,
    budgetSaysNo: random.pick([0, 0.5, 0.95])!,
  };
  const workers = ['a', 'b', 'c'].map((name) => new Worker(on, name, random.chance(0.3)));
  const changesAt = random.chance(0.3) ? random.below(60) : undefined;
  const say = (what: string): string =>
    `seed ${seed}: ${what}: ${JSON.stringify(workers.map(({ name, disk, runs }) => ({ name, runs, ...disk, versions: [...disk.versions] })))}`;
  let wanted = 'v2';
  for (let tick = 0; tick < 330; tick++) {
    if (tick === changesAt) wanted = 'v3';
    if (tick === 120) Object.assign(faults, { kill: 0, lost: 0 });
    for (const worker of workers) {
      worker.tick(wanted);
      await settle();
    }
    for (let i = 0; i < 6; i++) {
      ports.pass(10_000);
      await settle();
    }
    assert.ok(workers.filter(cordonedForUpdate).length <= 1, say('more than one worker is out'));
    for (const { pods } of workers) assert.ok(pods.length >= 2, say('a pod left that had to stay'));
  }
  const lease = on.api.find(leases, { namespace: 'kube-node-lease', name: agentUpdateLease }) as Lease | undefined;
  // a drain that was given up is tried again: what counts is that nothing is left behind when none is under way
  const held = workers.filter(({ disk }) => disk.kept.state);
  for (const worker of workers) {
    if (held.includes(worker)) continue;
    assert.equal(worker.node.spec?.unschedulable ?? false, worker.preCordoned, say('left cordoned, or uncordoned'));
    assert.equal(worker.disk.trial, undefined, say('a trial without end'));
    assert.notEqual(lease?.spec?.holderIdentity, worker.name, say('the lock was kept'));
  }
  if (on.budgetSaysNo < 0.9) {
    assert.equal(held.length, 0, say('an update without end'));
    const right = bad.has(wanted) ? 'v1' : wanted;
    assert.deepEqual(
      workers.map(({ runs }) => runs),
      [right, right, right],
      say('another version runs'),
    );
    if (bad.has(wanted))
      assert.ok(
        workers.some(({ events }) => events.includes('AgentUpdateFailed')),
        say('nobody was told'),
      );
  }
}

const seeds = process.env['SLIPWAY_SEED']
  ? [Number(process.env['SLIPWAY_SEED'])]
  : Array.from({ length: 60 }, (_, i) => i + 1);

test(`workers update one at a time and end as they should (seeds ${seeds[0]} to ${seeds.at(-1)})`, async () => {
  for (const seed of seeds) await world(seed);
});
