// One pod: whenever something changes, the pure lifecycle is asked what to do, and its actions are carried out.
// Steps of one pod never overlap; its actions run beside each other and beside those of other pods.
import { hash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pod, PodStatus } from '../../core/api/types.gen.ts';
import {
  forgetImages,
  forgetRetries,
  noteSandbox,
  noteSandboxFailure,
  noteStarted,
  noteStartFailure,
} from '../../core/kubelet/failures.ts';
import type { Action, PodEvent, PodMemory } from '../../core/kubelet/model.ts';
import { actionKey, newest } from '../../core/kubelet/model.ts';
import { isPodOverruled } from '../../core/kubelet/overruled.ts';
import { isTerminal } from '../../core/kubelet/phase.ts';
import { noteStart, sync } from '../../core/kubelet/sync.ts';
import type { Log } from '../../core/ports.ts';
import type { PodTask, Runtime } from '../runtime.ts';
import { StartError } from '../runtime.ts';
import { type ProbeCount, Prober } from './prober.ts';

export interface WorkerDeps {
  runtime: Runtime;
  hostIPs: string[];
  now(): number;
  log: Log;
  event(pod: Pod, event: PodEvent): void;
  /** It runs for the first time, so long after this node saw it first. */
  started(seconds: number): void;
  /** The status differs from the one reported before. */
  report(pod: Pod, status: PodStatus): void;
  /** Everything of the pod is gone from the node. `wanted`: its object still waits for that. */
  gone(pod: Pod, wanted: boolean): void;
  /** A pod of the node that was told to end, and still holds what it was given. */
  leaves(uid: string): boolean;
  /** To be kept over a restart of the agent. */
  save(pod: Pod, memory: PodMemory): void;
}

type KillAction = Extract<Action, { do: 'kill' }>;

const killSlackMs = 2000;
const firstFailureDelayMs = 200;
const maxFailureDelayMs = 10_000;
/** Longest wait for a timer: setTimeout takes 31 bits. */
const maxDelayMs = 2 ** 31 - 1;

export class PodWorker {
  readonly uid: string;
  readonly #deps: WorkerDeps;
  readonly #prober: Prober;
  readonly #busy = new Set<string>();
  /** Kills under way: container id to the time when its grace ends. */
  readonly #kills = new Map<string, number>();
  #pod: Pod;
  #memory: PodMemory;
  #removed = false;
  readonly #ending = new AbortController();
  #finished: 'no' | 'stopped' | 'deleted' = 'no';
  #scheduled = false;
  #closed = false;
  #timer: NodeJS.Timeout | undefined;
  /** Hashes of what was reported and saved last: the texts of a hundred pods would take their place twice. */
  #reported = '';
  #saved = '';
  #failureDelayMs = firstFailureDelayMs;

  constructor(deps: WorkerDeps, pod: Pod, memory: PodMemory) {
    this.#deps = deps;
    this.#pod = pod;
    this.#memory = memory;
    this.uid = pod.metadata?.uid ?? '';
    this.#prober = new Prober({
      runtime: deps.runtime,
      now: deps.now,
      event: (event) => deps.event(this.#pod, event),
      changed: () => this.wake(),
    });
  }

  get pod(): Pod {
    return this.#pod;
  }

  get memory(): PodMemory {
    return this.#memory;
  }

  /** The pod will never run anything again, so it no longer counts on the node. */
  get over(): boolean {
    return this.#finished !== 'no';
  }

  /** It was told to end, or ends by itself as Failed. */
  get ending(): boolean {
    return this.#removed || this.#pod.metadata?.deletionTimestamp !== undefined || this.#memory.failed !== undefined;
  }

  /**
   * It counts on the node. One that was rejected, perhaps a moment ago, does not; one that was evicted does until its containers have
   * ended, as no status is terminal before.
   */
  get holdsResources(): boolean {
    const { failed, status } = this.#memory;
    return !this.over && !isTerminal(status?.phase) && (failed === undefined || status !== undefined);
  }

  /** Others make room for it: it does not start before they have ended. */
  get waits(): boolean {
    return this.#memory.waitsFor !== undefined;
  }

  probeCounts(): Iterable<ProbeCount> {
    return this.#prober.counts();
  }

  get task(): PodTask {
    const pod = this.#pod;
    return {
      uid: this.uid,
      pod,
      podIPs: this.#memory.status?.podIPs?.map((p) => p.ip) ?? [],
      hostIPs: this.#deps.hostIPs,
      ending: this.#ending.signal,
      event: (event) => this.#deps.event(pod, event),
    };
  }

  /** The control plane sent it anew. */
  update(pod: Pod): void {
    this.#memory = forgetImages(this.#memory, this.#pod, pod);
    this.#pod = pod;
    this.wake();
  }

  /** Says again how the pod is if something else is stored: somebody wrote over it while the node was not heard. */
  sayAgain(): void {
    if (!this.#memory.status || !isPodOverruled(this.#pod.status, this.#memory.status)) return;
    this.#reported = '';
    this.wake();
  }

  /** Its object is gone: what runs is killed at once. */
  remove(): void {
    this.#removed = true;
    this.wake();
  }

  /** Ends the pod as Failed (eviction, preemption). */
  fail(reason: string, message: string): void {
    if (this.#memory.failed) return;
    this.#memory = { ...this.#memory, failed: { reason, message } };
    this.#deps.event(this.#pod, { type: 'Warning', reason, message });
    this.wake();
  }

  /** Something a start waited for may be there now. */
  poke(): void {
    this.#memory = forgetRetries(this.#memory);
    this.wake();
  }

  /** Step soon; many calls in one turn of the loop make one step. */
  wake(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#step();
    });
  }

  /** Stops working on it; what runs goes on. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#prober.close();
  }

  #step(): void {
    if (this.#closed) return;
    const observed = this.#deps.runtime.observed(this.uid);
    const { ending } = this;
    const waiting = this.#stillWaits();
    this.#prober.follow(this.#pod, observed, observed.sandboxes[0]?.ips[0] ?? this.#deps.hostIPs[0] ?? '', ending);
    const result = sync({
      pod: this.#pod,
      observed,
      memory: this.#memory,
      probes: this.#prober.results(),
      removed: this.#removed,
      waiting,
      starting: [...this.#busy].some((key) => key.startsWith('start:')),
      now: this.#deps.now(),
      node: { hostIPs: this.#deps.hostIPs },
    });
    if (result.status.phase === 'Running' && this.#memory.status?.phase === 'Pending') this.#noteRunning(result.memory);
    this.#memory = result.memory;
    if (ending || result.memory.failed) this.#ending.abort();
    for (const event of result.events) this.#deps.event(this.#pod, event);
    for (const action of result.actions) this.#launch(action);
    if (!result.quiet) this.#tell(result.status);
    this.#save();
    clearTimeout(this.#timer);
    if (result.nextAt !== undefined) {
      const delay = Math.min(Math.max(result.nextAt - this.#deps.now(), 1), maxDelayMs);
      this.#timer = setTimeout(() => this.wake(), delay);
      this.#timer.unref();
    }
  }

  #stillWaits(): boolean {
    if (this.#memory.waitsFor?.some((uid) => this.#deps.leaves(uid))) return true;
    if (this.waits) this.#memory = { ...this.#memory, waitsFor: undefined };
    return false;
  }

  #noteRunning({ startTime }: PodMemory): void {
    if (startTime !== undefined) this.#deps.started((this.#deps.now() - startTime) / 1000);
  }

  #tell(status: PodStatus): void {
    const reported = hash('sha1', JSON.stringify(status));
    if (reported === this.#reported || this.#removed) return;
    this.#reported = reported;
    this.#deps.report(this.#pod, status);
  }

  #save(): void {
    const saved = hash('sha1', JSON.stringify(this.#memory) + (this.#pod.metadata?.resourceVersion ?? ''));
    if (saved === this.#saved) return;
    this.#saved = saved;
    this.#deps.save(this.#pod, this.#memory);
  }

  #launch(action: Action): void {
    if (action.do === 'finish' && !this.#mayFinish()) return;
    const again = action.do === 'kill' ? this.#shorterKill(action) : action;
    if (!again) return;
    const key = actionKey(again);
    if (this.#busy.has(key)) return;
    this.#busy.add(key);
    if (again.do === 'kill') this.#kills.set(again.id, this.#endOf(again));
    this.#carryOut(again)
      .catch(async (error) => {
        this.#deps.log('warn', 'action failed', { pod: this.uid, action: action.do, error: String(error) });
        // While it counts as running it is not tried again: a runtime that is away would be asked without pause.
        await sleep(this.#failureDelayMs, undefined, { ref: false });
        this.#failureDelayMs = Math.min(this.#failureDelayMs * 2, maxFailureDelayMs);
      })
      .finally(() => {
        this.#busy.delete(key);
        this.wake();
      });
  }

  /** Of kills of one container only one that ends clearly sooner adds anything; it has no hook to run any more. */
  #shorterKill(action: KillAction): KillAction | undefined {
    const before = this.#kills.get(action.id);
    if (before !== undefined && this.#endOf(action) > before - killSlackMs) return undefined;
    return before === undefined ? action : { ...action, preStop: false };
  }

  #endOf(kill: KillAction): number {
    return this.#deps.now() + kill.graceSeconds * 1000;
  }

  async #kill(action: KillAction): Promise<void> {
    try {
      await this.#deps.runtime.kill(this.task, action);
    } finally {
      this.#kills.delete(action.id);
    }
  }

  /** Once stopped, and once more when the object is to go; never beside another action. */
  #mayFinish(): boolean {
    const deleted = this.#removed || this.#pod.metadata?.deletionTimestamp !== undefined;
    if (this.#busy.size > 0 || this.#finished === 'deleted') return false;
    return deleted || this.#finished === 'no';
  }

  async #carryOut(action: Action): Promise<void> {
    const { runtime } = this.#deps;
    switch (action.do) {
      case 'create-sandbox':
        return this.#createSandbox(action.attempt);
      case 'stop-sandbox':
        return runtime.stopSandbox(this.task, action.id);
      case 'start':
        return this.#start(action.container, action.attempt);
      case 'pre-stop':
        return runtime.preStop(this.task, action.container, action.id, action.graceSeconds);
      case 'kill':
        return this.#kill(action);
      case 'remove':
        return runtime.remove(this.task, action.id);
      case 'finish':
        return this.#finish();
    }
  }

  async #createSandbox(attempt: number): Promise<void> {
    try {
      await this.#deps.runtime.createSandbox(this.task, attempt);
      this.#memory = noteSandbox(this.#memory);
    } catch (error) {
      this.#memory = noteSandboxFailure(this.#memory, this.#deps.now());
      throw error;
    }
  }

  async #start(name: string, attempt: number): Promise<void> {
    const observed = this.#deps.runtime.observed(this.uid);
    const last = newest(observed, name);
    const crashed = last?.state === 'exited' && last.sandboxId === observed.sandboxes[0]?.id;
    const exitedAt = crashed ? last.finishedAt : undefined;
    // Noted when the start is over: a sync meanwhile would take the crash for one that is held back already.
    const note = (): void => {
      this.#memory = noteStart(this.#memory, name, exitedAt, this.#deps.now());
    };
    try {
      await this.#deps.runtime.startContainer(this.task, name, attempt);
      note();
      this.#memory = noteStarted(this.#memory, name);
      this.#failureDelayMs = firstFailureDelayMs;
    } catch (error) {
      note();
      const failure = error instanceof StartError ? error.failure : 'CreateContainerError';
      this.#memory = noteStartFailure(this.#memory, name, failure, (error as Error).message, this.#deps.now());
      if (!(error instanceof StartError)) throw error;
    }
  }

  async #finish(): Promise<void> {
    const deleted = this.#removed || this.#pod.metadata?.deletionTimestamp !== undefined;
    try {
      await this.#deps.runtime.finish(this.task, deleted);
    } catch (error) {
      this.#deps.event(this.#pod, {
        type: 'Warning',
        reason: 'FailedKillPod',
        message: `error killing pod: ${(error as Error).message}`,
      });
      throw error;
    }
    this.#finished = deleted ? 'deleted' : 'stopped';
    if (!deleted) return;
    this.close();
    this.#deps.gone(this.#pod, !this.#removed);
  }
}
