// Takes pods from the queue, decides, counts the pod in at once (assume), and binds through the API meanwhile deciding on.
// A binding that fails is taken back. Two schedulers at once do no harm: the API lets one binding win.
import { isStatus } from '../api/errors.ts';
import type { KubeObject } from '../api/objects.ts';
import type { Client } from '../client/client.ts';
import { EventRecorder } from '../client/event-recorder.ts';
import { resources } from '../client/resources.ts';
import { type Ports, timestamp } from '../ports.ts';
import type { Cluster } from './cluster.ts';
import type { AttemptResult, SchedulerMetrics } from './metrics.ts';
import type { PodInfo, StoredPod } from './pod-info.ts';
import type { SchedulingQueue } from './queue.ts';
import { schedule } from './schedule.ts';

/** Bindings under way at once. */
const BINDINGS_LIMIT = 64;
/** Deciding without a break: others in the process get their turn after this. */
const TURN_MS = 10;

export interface SchedulerDeps {
  client: Client;
  ports: Ports;
  cluster: Cluster;
  queue: SchedulingQueue;
  /** Name that events are from and that pods ask for. */
  name: string;
  /** How long events wait (EventRecorder). */
  holdMs?: number;
  metrics?: SchedulerMetrics;
}

/** Between questions about a binding whose answer was lost. */
const ASK_FIRST_MS = 50;
const ASK_LIMIT_MS = 5_000;

/** The write may have taken effect all the same. */
const isUncertain = (error: unknown): boolean => !isStatus(error) || error.code >= 500;

const asKubeObject = (pod: StoredPod): KubeObject => pod as unknown as KubeObject;

export class Scheduler {
  readonly #deps: SchedulerDeps;
  readonly #events: EventRecorder;
  #running = false;
  #paused = false;
  #planned = false;
  readonly #writes = new Set<Promise<void>>();
  readonly #pauses = new Set<() => void>();
  #bindings = 0;

  constructor(deps: SchedulerDeps) {
    this.#deps = deps;
    this.#events = new EventRecorder({ ...deps, component: deps.name, style: 'reported' });
  }

  start(): void {
    this.#running = true;
    this.#deps.queue.onActive = () => this.#plan();
    this.#plan();
  }

  /** Begins nothing more; resolves when the bindings under way are done. */
  async stop(): Promise<void> {
    this.#running = false;
    for (const end of [...this.#pauses]) end();
    await Promise.all(this.#writes);
    await this.#events.flush();
  }

  /** Decides nothing more until `resume`; bindings under way go on. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#plan();
  }

  /** No pod is ready to be tried, and nothing is being written. */
  get idle(): boolean {
    return !this.#deps.queue.hasActive && this.#writes.size === 0;
  }

  /** Resolves once it is idle and events are written; while paused, once what was begun is done. */
  async whenIdle(): Promise<void> {
    while (this.#running && (this.#writes.size > 0 || this.#planned)) {
      if (this.#writes.size > 0) await Promise.all(this.#writes);
      else await new Promise<void>((resolve) => this.#deps.ports.clock.after(0, resolve));
    }
    await this.#events.flush();
  }

  #plan(): void {
    if (this.#planned || this.#paused || !this.#running) return;
    this.#planned = true;
    this.#deps.ports.clock.after(0, () => {
      this.#planned = false;
      this.#turn();
    });
  }

  #turn(): void {
    const { clock } = this.#deps.ports;
    const endMs = clock.now() + TURN_MS;
    while (this.#running && !this.#paused && this.#bindings < BINDINGS_LIMIT) {
      const info = this.#deps.queue.take();
      if (!info) return;
      this.#decide(info);
      if (clock.now() >= endMs) {
        this.#plan();
        return;
      }
    }
  }

  #decide(info: PodInfo): void {
    const { cluster, queue, ports } = this.#deps;
    const { uid, namespace, name } = info.pod.metadata;
    if (cluster.isPlaced(uid)) return;
    const startedMs = ports.clock.now();
    const attempted = (result: AttemptResult): void =>
      this.#deps.metrics?.attempted(result, (ports.clock.now() - startedMs) / 1000);
    const decision = schedule(cluster, info);
    if (decision.node === undefined) {
      attempted('unschedulable');
      queue.failed(uid, decision.refusedBy);
      ports.log('debug', 'pod unschedulable', { pod: `${namespace}/${name}`, message: decision.message });
      this.#track(this.#tellUnschedulable(info, decision.message));
      return;
    }
    cluster.advance(decision.tried);
    cluster.assume(info, decision.node);
    this.#bindings++;
    const bound = this.#bind(info, decision.node)
      .then((isBound) => attempted(isBound ? 'scheduled' : 'error'))
      .finally(() => {
        this.#bindings--;
        this.#plan();
      });
    this.#track(bound);
  }

  #track(write: Promise<void>): void {
    this.#writes.add(write);
    void write.finally(() => this.#writes.delete(write));
  }

  /** Whether the pod is on the node. */
  async #bind({ pod }: PodInfo, node: string): Promise<boolean> {
    const { client, cluster, queue, ports } = this.#deps;
    const { namespace, name, uid } = pod.metadata;
    const binding: KubeObject = {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { namespace, name, uid },
      target: { kind: 'Node', name: node },
    };
    try {
      await client.create(resources.pods, binding, { namespace, name, subresource: 'binding' });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      ports.log('info', 'binding failed', { pod: `${namespace}/${name}`, node, message });
      if (isUncertain(error) && (await this.#isBoundAfterAll(pod))) {
        queue.delete(uid);
        return true;
      }
      cluster.forget(uid);
      if (isStatus(error, 'NotFound')) queue.delete(uid);
      else queue.failed(uid, new Set());
      return false;
    }
    queue.delete(uid);
    const message = `Successfully assigned ${namespace}/${name} to ${node}`;
    this.#events.record(asKubeObject(pod), 'Normal', 'Scheduled', message, { action: 'Binding' });
    return true;
  }

  /** The answer to a binding was lost: until it is known what became of it, the pod counts as being on the node. */
  async #isBoundAfterAll({ metadata: { namespace, name, uid } }: StoredPod): Promise<boolean> {
    for (let waitMs = ASK_FIRST_MS; this.#running; waitMs = Math.min(2 * waitMs, ASK_LIMIT_MS)) {
      try {
        const pod = await this.#deps.client.get<StoredPod>(resources.pods, { namespace, name });
        return pod.metadata.uid === uid && Boolean(pod.spec?.nodeName);
      } catch (error) {
        if (isStatus(error, 'NotFound')) return false;
      }
      await this.#pause(waitMs);
    }
    return false;
  }

  /** Ends early when the scheduler stops. */
  async #pause(ms: number): Promise<void> {
    if (!this.#running) return;
    await new Promise<void>((resolve) => {
      const end = (): void => {
        cancel();
        this.#pauses.delete(end);
        resolve();
      };
      const cancel = this.#deps.ports.clock.after(ms, end);
      this.#pauses.add(end);
    });
  }

  async #tellUnschedulable({ pod }: PodInfo, message: string): Promise<void> {
    const { client, ports } = this.#deps;
    this.#events.record(asKubeObject(pod), 'Warning', 'FailedScheduling', message, { action: 'Scheduling' });
    const standing = pod.status?.conditions?.find((condition) => condition.type === 'PodScheduled');
    if (standing?.status === 'False' && standing.reason === 'Unschedulable' && standing.message === message) return;
    const { namespace, name, uid } = pod.metadata;
    const changed = standing?.status !== 'False';
    const lastTransitionTime = changed ? timestamp(ports.clock.now()) : standing.lastTransitionTime;
    const condition = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message, lastTransitionTime };
    const patch = { metadata: { uid }, status: { conditions: [condition] } };
    try {
      await client.patch(resources.pods, { namespace, name }, patch, { type: 'strategic', subresource: 'status' });
    } catch (error) {
      if (isStatus(error, 'NotFound', 'Conflict')) return;
      const why = error instanceof Error ? error.message : String(error);
      ports.log('warn', 'pod condition not written', { pod: `${namespace}/${name}`, message: why });
    }
  }
}
