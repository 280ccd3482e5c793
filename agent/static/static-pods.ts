// The node's static pods: which are to run, and their mirrors in the API, made again when somebody deletes them.
import { isStatus } from '../../core/api/errors.ts';
import { isNodeReady } from '../../core/api/node-ready.ts';
import type { PodReport } from '../../core/api/node-sync.ts';
import type { KubeObject } from '../../core/api/objects.ts';
import { isMirrorPod } from '../../core/api/pod-references.ts';
import type { Node, Pod, PodStatus } from '../../core/api/types.gen.ts';
import type { Client } from '../../core/client/client.ts';
import { isPodOverruled } from '../../core/kubelet/overruled.ts';
import {
  endedStaticPod,
  mirrorOf,
  mirrors,
  planMirrors,
  planStaticPods,
  podKey,
} from '../../core/kubelet/static-pods.ts';
import type { Log } from '../../core/ports.ts';

const podsResource = { group: '', version: 'v1', plural: 'pods' };
/** After the API refused a mirror (its namespace is not there yet ...). */
const retryMs = 10_000;
/**
 * Between the end of a mirror that somebody deleted and the next one of its name. kubectl sees by the uid that the pod is still there, then
 * lists those of its name and waits until none is left; a mirror that is back in between has it wait for ever.
 */
const absentMs = 1_000;

const uidOf = ({ metadata }: Pod): string => metadata?.uid ?? '';

export interface StaticPodsDeps {
  client: Pick<Client, 'create' | 'delete'>;
  /** Gives the pod a worker. */
  start(pod: Pod): void;
  /** Gives the pod's worker a pod that is to end. */
  update(pod: Pod): void;
  /** Sends a status to the API. */
  report(report: PodReport): void;
  now(): number;
  log: Log;
}

export class StaticPods {
  readonly #deps: StaticPodsDeps;
  /** undefined: the manifests have not been read; what runs goes on. */
  #wanted: readonly Pod[] | undefined;
  readonly #present = new Map<string, Pod>();
  readonly #statuses = new Map<string, PodStatus>();
  /** By uid. */
  readonly #mirrors = new Map<string, Pod>();
  #node: Node | undefined;
  /** Writes under way, and those that have to wait: name of a pod to be made, uid of a mirror to be removed. */
  readonly #held = new Set<string>();
  /** Creates under way. */
  #making = 0;
  /** Uids of mirrors that answers said were deleted while one was being made: it may be that very one. */
  readonly #goneMeanwhile = new Set<string>();
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(deps: StaticPodsDeps) {
    this.#deps = deps;
  }

  has(uid: string): boolean {
    return this.#present.has(uid);
  }

  /** One that ran before this process did. */
  adopt(pod: Pod): void {
    this.#present.set(uidOf(pod), pod);
  }

  /** What the manifests say now. */
  want(pods: readonly Pod[]): void {
    this.#wanted = pods;
    this.#reconcile();
  }

  /** @param pods those of an answer; `full`: all there are */
  answered(node: Node, pods: readonly Pod[], deleted: readonly { uid: string }[], full: boolean): void {
    const before = new Set(this.#mirrors.keys());
    const wasReady = this.#node !== undefined && isNodeReady(this.#node);
    this.#node = node;
    if (full) this.#mirrors.clear();
    for (const { uid } of deleted) {
      this.#mirrors.delete(uid);
      if (this.#making > 0) this.#goneMeanwhile.add(uid);
    }
    for (const pod of pods) if (isMirrorPod(pod)) this.#mirrors.set(uidOf(pod), pod);
    this.#reconcile();
    // While the node is not ready its pods are not either, whatever it says.
    const said = isNodeReady(node) ? new Set((wasReady ? pods : [...this.#mirrors.values()]).map(uidOf)) : new Set();
    for (const [uid, mirror] of this.#mirrors)
      if (!before.has(uid) || (said.has(uid) && this.#isOverruled(mirror))) this.#tell(mirror);
  }

  /** Somebody wrote over the status while the node was not heard. */
  #isOverruled(mirror: Pod): boolean {
    const status = this.#statusOf(mirror);
    return status !== undefined && isPodOverruled(mirror.status, status);
  }

  #statusOf(mirror: Pod): PodStatus | undefined {
    const pod = [...this.#present.values()].find((p) => podKey(p) === podKey(mirror));
    return pod && mirrors(mirror, pod, this.#node?.metadata?.uid ?? '') ? this.#statuses.get(uidOf(pod)) : undefined;
  }

  /** The pod's status differs from the one before. */
  status(pod: Pod, status: PodStatus): void {
    this.#statuses.set(uidOf(pod), status);
    for (const mirror of this.#mirrors.values()) if (podKey(mirror) === podKey(pod)) this.#tell(mirror);
  }

  /** Everything of the pod is gone from the node. */
  ended(uid: string): void {
    this.#present.delete(uid);
    this.#statuses.delete(uid);
    this.#reconcile();
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #tell(mirror: Pod): void {
    const { namespace = '', name = '', uid = '' } = mirror.metadata ?? {};
    const status = this.#statusOf(mirror);
    if (status) this.#deps.report({ namespace, name, uid, status });
  }

  #reconcile(): void {
    if (this.#wanted) {
      const { start, end } = planStaticPods(this.#wanted, [...this.#present.values()]);
      for (const uid of end) {
        const ended = endedStaticPod(this.#present.get(uid)!, new Date(this.#deps.now()).toISOString());
        this.#present.set(uid, ended);
        this.#deps.update(ended);
      }
      for (const pod of start) {
        this.adopt(pod);
        this.#deps.start(pod);
      }
    }
    const { name = '', uid = '' } = this.#node?.metadata ?? {};
    if (!uid) return;
    const plan = planMirrors([...this.#present.values()], [...this.#mirrors.values()], uid);
    for (const mirror of plan.remove) this.#write(uidOf(mirror), () => this.#remove(mirror));
    for (const pod of plan.create) this.#write(podKey(pod), () => this.#create(pod, { name, uid }));
  }

  async #create(pod: Pod, node: { name: string; uid: string }): Promise<void> {
    const mirror = mirrorOf(pod, node);
    const options = { namespace: pod.metadata?.namespace ?? '' };
    this.#making += 1;
    try {
      const made = (await this.#deps.client.create(podsResource, mirror as KubeObject, options)) as Pod;
      if (this.#goneMeanwhile.has(uidOf(made))) return;
      this.#mirrors.set(uidOf(made), made);
      this.#tell(made);
    } finally {
      this.#making -= 1;
      if (this.#making === 0) this.#goneMeanwhile.clear();
    }
  }

  async #remove(mirror: Pod): Promise<void> {
    const { namespace = '', name = '', uid = '', deletionTimestamp } = mirror.metadata ?? {};
    try {
      await this.#deps.client.delete(podsResource, { namespace, name }, { gracePeriodSeconds: 0, uid });
    } catch (error) {
      if (!isStatus(error, 'NotFound') && !isStatus(error, 'Conflict')) throw error;
    }
    this.#mirrors.delete(uid);
    if (deletionTimestamp) this.#hold(podKey(mirror), absentMs);
  }

  /** One at a time for each key. */
  #write(key: string, write: () => Promise<void>): void {
    if (this.#held.has(key)) return;
    this.#held.add(key);
    write().then(
      () => this.#free(key),
      (error) => {
        this.#deps.log('warn', 'mirror pod not written', { pod: key, error: (error as Error).message });
        this.#hold(key, retryMs);
      },
    );
  }

  #hold(key: string, forMs: number): void {
    this.#held.add(key);
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#free(key);
    }, forMs);
    this.#timers.add(timer);
    timer.unref();
  }

  #free(key: string): void {
    this.#held.delete(key);
    this.#reconcile();
  }
}
