// A node as the control plane sees it: it syncs when its doorbell rings and at a slow interval otherwise, starts and ends pods at
// once, and says so with its next sync. What gets no answer it says again.

import { isStatus } from '../../../core/api/errors.ts';
import type { NodeSyncRequest, NodeSyncResponse } from '../../../core/api/node-sync.ts';
import type { Stored } from '../../../core/api/objects.ts';
import type { NodeStatus, Pod } from '../../../core/api/types.gen.ts';
import type { Client } from '../../../core/client/client.ts';
import type { Random } from '../../../core/client/fixture/random.ts';
import { resources } from '../../../core/client/resources.ts';
import { type Clock, timestamp } from '../../../core/ports.ts';
import type { VirtualTime } from '../virtual-time.ts';

const LEASE_SECONDS = 300;
const SYNC_EVERY_MS = 75_000;
const STATUS_EVERY_MS = 300_000;
/** As agent/sync.ts. */
const AGAIN_FIRST_MS = 100;
const AGAIN_LIMIT_MS = 5_000;

export class Kubelet {
  readonly name: string;
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #pods = new Map<string, Stored<Pod>>();
  readonly #started = new Set<string>();
  #since: string | undefined;
  #dueMs = 0;
  #statusDueMs = 0;
  #isDown = false;
  #isRung = false;
  #wake: () => void = () => {};

  constructor(name: string, client: Client, clock: Clock) {
    this.name = name;
    this.#client = client;
    this.#clock = clock;
  }

  /** Cut off, or gone. */
  get isDown(): boolean {
    return this.#isDown;
  }

  set isDown(isDown: boolean) {
    this.#isDown = isDown;
    this.#wake();
  }

  /** Registers, then syncs whenever it is due, for ever. */
  async live(time: VirtualTime, random: Random): Promise<never> {
    let isRegistered = false;
    for (let againMs = AGAIN_FIRST_MS; ; ) {
      await this.#untilDue(time, random.below(20));
      try {
        if (!isRegistered) await this.register();
        isRegistered = true;
        await this.sync();
        againMs = AGAIN_FIRST_MS;
      } catch {
        this.#dueMs = this.#clock.now() + againMs;
        againMs = Math.min(2 * againMs, AGAIN_LIMIT_MS);
      }
    }
  }

  async #untilDue(time: VirtualTime, pauseMs: number): Promise<void> {
    await time.sleep(pauseMs);
    while (this.#isDown || this.#clock.now() < this.#dueMs) {
      await new Promise<void>((resolve) => {
        const cancel = this.#isDown ? () => {} : time.after(this.#dueMs - this.#clock.now(), resolve);
        this.#wake = () => {
          cancel();
          resolve();
        };
      });
    }
  }

  async register(): Promise<void> {
    const labels = { 'kubernetes.io/hostname': this.name, 'kubernetes.io/arch': 'arm64', 'kubernetes.io/os': 'linux' };
    const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: this.name, labels } };
    try {
      await this.#client.create(resources.nodes, node);
    } catch (error) {
      // Its own, from before there was no answer.
      if (!isStatus(error, 'AlreadyExists')) throw error;
    }
  }

  ring(): void {
    this.#isRung = true;
    this.#dueMs = 0;
    this.#wake();
  }

  /** Pods whose containers run here. */
  get running(): number {
    return this.#started.size;
  }

  async sync(): Promise<void> {
    this.#isRung = false;
    const deleting = [...this.#pods.values()].filter(({ metadata }) => metadata.deletionTimestamp);
    const idOf = ({ metadata: { namespace = '', name, uid } }: Stored<Pod>) => ({ namespace, name, uid });
    const podStatuses = [...this.#pods.values()]
      .filter(({ metadata }) => !metadata.deletionTimestamp && !this.#started.has(metadata.uid))
      .map((pod) => ({ ...idOf(pod), status: this.#statusOf(pod) }));
    const tellsStatus = this.#clock.now() >= this.#statusDueMs;
    const body: NodeSyncRequest = {
      leaseDurationSeconds: LEASE_SECONDS,
      time: new Date(this.#clock.now()).toISOString(),
      ...(tellsStatus ? { nodeStatus: this.#nodeStatus() } : {}),
      podStatuses,
      podsGone: deleting.map(idOf),
      ...(this.#since ? { since: this.#since } : {}),
    };
    const response = await this.#client.raw(`/api/v1/nodes/${this.name}/sync`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    });
    // The node's object was deleted: it registers anew.
    if (response.status === 404) {
      this.#since = undefined;
      this.#statusDueMs = 0;
      await this.register();
      return;
    }
    const answer = (await response.json()) as NodeSyncResponse;
    if (!response.ok) throw new Error(JSON.stringify(answer));
    for (const { uid } of podStatuses) this.#started.add(uid);
    for (const { uid } of deleting.map(idOf)) this.#forget(uid);
    this.#since = answer.since;
    const isReady = answer.node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');
    if (tellsStatus || !isReady) this.#statusDueMs = isReady ? this.#clock.now() + STATUS_EVERY_MS : 0;
    // A bell that rang meanwhile may be of what the answer does not know yet.
    const isNews = this.#take(answer) || !isReady || this.#isRung;
    this.#dueMs = isNews ? 0 : this.#clock.now() + SYNC_EVERY_MS;
  }

  #take({ full, pods, deletedPods }: NodeSyncResponse): boolean {
    if (full) {
      const listed = new Set(pods.map(({ metadata }) => metadata.uid));
      for (const uid of [...this.#pods.keys()]) if (!listed.has(uid)) this.#forget(uid);
    }
    for (const { uid } of deletedPods) this.#forget(uid);
    for (const pod of pods) {
      this.#pods.set(pod.metadata.uid, pod);
      const said = pod.status?.conditions?.find(({ type }) => type === 'Ready')?.status;
      // Somebody thought that this node was down: it says again how the pod is.
      if (pod.status?.phase === 'Running' && said !== 'True') this.#started.delete(pod.metadata.uid);
    }
    return [...this.#pods.values()].some(
      ({ metadata }) => metadata.deletionTimestamp || !this.#started.has(metadata.uid),
    );
  }

  #forget(uid: string): void {
    this.#pods.delete(uid);
    this.#started.delete(uid);
  }

  #statusOf(pod: Stored<Pod>): NonNullable<Pod['status']> {
    const time = timestamp(this.#clock.now());
    const condition = (type: string) => ({ type, status: 'True' as const, lastTransitionTime: time });
    const ends = pod.metadata.labels?.['ends'] === 'yes';
    if (ends) return { phase: 'Succeeded', startTime: time, conditions: [] };
    return {
      phase: 'Running',
      startTime: time,
      podIP: '10.244.0.7',
      conditions: ['Ready', 'ContainersReady'].map(condition),
    };
  }

  #nodeStatus(): NodeStatus {
    const time = timestamp(this.#clock.now());
    const ready = {
      type: 'Ready',
      status: 'True' as const,
      reason: 'KubeletReady',
      message: '',
      lastHeartbeatTime: time,
    };
    const resource = { cpu: '4', memory: '8Gi', pods: '20' };
    return {
      capacity: resource,
      allocatable: resource,
      conditions: [{ ...ready, lastTransitionTime: time }],
      addresses: [{ type: 'InternalIP', address: '10.0.0.1' }],
    };
  }
}
