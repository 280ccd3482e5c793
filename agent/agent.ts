// The node's pods: one worker each, fed by sync answers and by what the runtime shows.
import { isNodeReady } from '../core/api/node-ready.ts';
import type { NodeSyncRequest, NodeSyncResponse } from '../core/api/node-sync.ts';
import type { KubeObject } from '../core/api/objects.ts';
import { isMirrorPod } from '../core/api/pod-references.ts';
import type { Node, Pod, PodStatus } from '../core/api/types.gen.ts';
import type { Client } from '../core/client/client.ts';
import type { NodeAbilities } from '../core/kubelet/admission.ts';
import { admit } from '../core/kubelet/admission.ts';
import { findContainer } from '../core/kubelet/containers.ts';
import type { PodEvent, PodMemory } from '../core/kubelet/model.ts';
import { emptyMemory } from '../core/kubelet/model.ts';
import { isOnlyProgress, isTerminal } from '../core/kubelet/phase.ts';
import { admitCritical, type Entry, isCriticalPod, preemptedMessage, preempting } from '../core/kubelet/preemption.ts';
import type { Log } from '../core/ports.ts';
import type { Checkpoint } from './checkpoint/checkpoint.ts';
import type { ObjectCache } from './objects.ts';
import { PodWorker } from './pods/worker.ts';
import type { Runtime } from './runtime.ts';
import { StaticPods } from './static/static-pods.ts';
import { SyncLoop } from './sync.ts';
import { usesObject } from './volumes/payload.ts';

export interface AgentDeps {
  nodeName: string;
  hostIPs: string[];
  runtime: Runtime;
  objects: ObjectCache;
  /** The sync call. */
  call(request: NodeSyncRequest): Promise<NodeSyncResponse>;
  /** For mirror pods. */
  client: Pick<Client, 'create' | 'delete'>;
  /** Writes an event about a pod, in the background. */
  recordEvent(pod: KubeObject, event: PodEvent, fieldPath: string | undefined): void;
  /** Absent: nothing outlives this process (simulated nodes). */
  checkpoint?: Checkpoint;
  abilities(): NodeAbilities;
  /** As the node knows itself, by labels and resources: static pods do not wait for the control plane's picture of it. */
  ownNode(): Node;
  /** A pod runs, so long after this node saw it first. */
  podStarted?(seconds: number): void;
  leaseDurationSeconds: number;
  /** The node finds the way to other nodes' pods itself. Absent: it does not. */
  peers?: boolean;
  syncIntervalMs: number;
  now(): number;
  log: Log;
}

const lists = { init: 'initContainers', app: 'containers', ephemeral: 'ephemeralContainers' } as const;

export class Agent {
  readonly #deps: AgentDeps;
  readonly #workers = new Map<string, PodWorker>();
  readonly #sync: SyncLoop;
  readonly #static: StaticPods;
  #node: Node | undefined;
  #sawAll = false;
  /** The node is ready in the control plane's eyes. */
  #ready = false;

  constructor(deps: AgentDeps) {
    this.#deps = deps;
    this.#sync = new SyncLoop({
      call: deps.call,
      apply: (answer) => this.#apply(answer),
      leaseDurationSeconds: deps.leaseDurationSeconds,
      peers: deps.peers ?? false,
      intervalMs: deps.syncIntervalMs,
      log: deps.log,
    });
    this.#static = new StaticPods({
      client: deps.client,
      start: (pod) => this.#add(pod, this.#admitted(pod)).wake(),
      update: (pod) => this.#workers.get(pod.metadata?.uid ?? '')?.update(pod),
      report: (report) => this.#sync.report(report),
      now: deps.now,
      log: deps.log,
    });
  }

  /** The pods that the node's own manifests name, from now on. */
  runStatic(pods: readonly Pod[]): void {
    this.#static.want(pods);
  }

  isStatic(uid: string): boolean {
    return this.#static.has(uid);
  }

  get sync(): SyncLoop {
    return this.#sync;
  }

  get node(): Node | undefined {
    return this.#node;
  }

  /** Adopts what the checkpoint names and what runs; needs no control plane. */
  async start(): Promise<void> {
    await this.#deps.runtime.start((uid) => this.#observed(uid));
    for (const saved of this.#deps.checkpoint?.load() ?? []) {
      const uid = saved.pod.metadata?.uid;
      if (saved.fromManifest) this.#static.adopt(saved.pod);
      if (uid) this.#add(saved.pod, saved.memory).wake();
    }
  }

  #observed(uid: string): void {
    const worker = this.#workers.get(uid);
    if (worker) worker.wake();
    // Made by a call whose answer was lost, and found by a list when the pod was gone already.
    else if (this.#sawAll && this.#deps.runtime.observed(uid).sandboxes.length > 0) this.#removeOrphans();
  }

  /** Begins to talk with the control plane. */
  connect(): void {
    this.#sync.start();
  }

  ring(): void {
    this.#sync.ring();
  }

  /** What runs goes on running. */
  async close(): Promise<void> {
    this.#sync.close();
    this.#static.close();
    for (const worker of this.#workers.values()) worker.close();
    await this.#deps.checkpoint?.flush();
    await this.#deps.runtime.close();
  }

  workers(): Iterable<PodWorker> {
    return this.#workers.values();
  }

  worker(uid: string): PodWorker | undefined {
    return this.#workers.get(uid);
  }

  find(namespace: string, name: string): PodWorker | undefined {
    for (const worker of this.#workers.values()) {
      if (worker.pod.metadata?.name === name && worker.pod.metadata.namespace === namespace) return worker;
    }
    return undefined;
  }

  #apply(answer: NodeSyncResponse): void {
    this.#node = answer.node;
    // Who wrote which field is of no use here, and a good part of what an object takes in memory.
    for (const { metadata } of [...answer.pods, ...answer.configMaps, ...answer.secrets])
      if (metadata) delete metadata.managedFields;
    const changed = this.#deps.objects.apply(answer);
    for (const pod of answer.pods) if (!isMirrorPod(pod)) this.#take(pod);
    this.#reconcile(answer);
    for (const gone of answer.deletedPods) this.#workers.get(gone.uid)?.remove();
    if (answer.full) {
      const listed = new Set(answer.pods.map((p) => p.metadata.uid));
      for (const worker of this.#workers.values())
        if (!listed.has(worker.uid) && !this.#static.has(worker.uid)) worker.remove();
    }
    this.#static.answered(answer.node, answer.pods, answer.deletedPods, answer.full);
    if (changed.size > 0) this.#refresh(changed);
    if (answer.full && !this.#sawAll) this.#removeOrphans();
    this.#sawAll ||= answer.full;
  }

  /** While the node is not ready its pods are not either, whatever it says; it says it once the node is. */
  #reconcile({ node, pods }: NodeSyncResponse): void {
    const wasReady = this.#ready;
    this.#ready = isNodeReady(node);
    if (!this.#ready) return;
    if (!wasReady) for (const worker of this.#workers.values()) worker.sayAgain();
    else for (const pod of pods) this.#workers.get(pod.metadata.uid)?.sayAgain();
  }

  #take(pod: Pod): void {
    const known = this.#workers.get(pod.metadata?.uid ?? '');
    if (!known) {
      this.#add(pod, this.#admitted(pod)).wake();
      return;
    }
    const before = JSON.stringify([known.pod.metadata?.labels, known.pod.metadata?.annotations]);
    known.update(pod);
    if (before !== JSON.stringify([pod.metadata?.labels, pod.metadata?.annotations])) void this.#refreshVolumes(known);
  }

  /** A pod that does not fit begins, and ends, as Failed, unless others make room for it. Pods that ran before are never asked again. */
  #admitted(pod: Pod): PodMemory {
    const memory = emptyMemory();
    const ran = pod.status?.startTime !== undefined || isTerminal(pod.status?.phase);
    if (ran || pod.metadata?.deletionTimestamp) return memory;
    const { rejection, preempt, waitsFor } = this.#entry(pod);
    if (rejection) {
      this.#event(pod, { type: 'Warning', reason: rejection.reason, message: rejection.message });
      return { ...memory, failed: { ...rejection, message: `Pod was rejected: ${rejection.message}` } };
    }
    for (const uid of preempt) this.#workers.get(uid)?.fail(preempting, preemptedMessage);
    return waitsFor.length > 0 ? { ...memory, waitsFor } : memory;
  }

  #entry(pod: Pod): Entry {
    const node = this.#node ?? this.#deps.ownNode();
    const others = [...this.#workers.values()].filter((worker) => worker.holdsResources);
    if (this.#isCritical(pod)) {
      const residents = others.map((worker) => ({
        uid: worker.uid,
        pod: worker.pod,
        critical: this.#isCritical(worker.pod),
        ending: worker.ending,
      }));
      return admitCritical(pod, node, residents, this.#deps.abilities());
    }
    const pods = others.map((worker) => worker.pod);
    return { rejection: admit(pod, node, pods, this.#deps.abilities()), preempt: [], waitsFor: [] };
  }

  #isCritical(pod: Pod): boolean {
    return isCriticalPod(pod, this.#static.has(pod.metadata?.uid ?? ''));
  }

  #add(pod: Pod, memory: PodMemory): PodWorker {
    const { runtime, hostIPs, now, log, checkpoint } = this.#deps;
    const worker = new PodWorker(
      {
        runtime,
        hostIPs,
        now,
        log,
        event: (about, event) => this.#event(about, event),
        started: (seconds) => this.#deps.podStarted?.(seconds),
        report: (about, status) => this.#report(about, status),
        gone: (about, wanted) => this.#gone(about, wanted),
        leaves: (uid) => {
          const other = this.#workers.get(uid);
          return other?.ending === true && other.holdsResources;
        },
        save: (about, memory) => {
          const { uid = '' } = about.metadata ?? {};
          checkpoint?.save(uid, { pod: about, memory, ...(this.#static.has(uid) ? { fromManifest: true } : {}) });
        },
      },
      pod,
      memory,
    );
    this.#workers.set(worker.uid, worker);
    return worker;
  }

  #report(pod: Pod, status: PodStatus): void {
    const { namespace = '', name = '', uid = '' } = pod.metadata ?? {};
    if (isTerminal(status.phase)) this.#roomMade();
    if (this.#static.has(uid)) this.#static.status(pod, status);
    else if (name) this.#sync.report({ namespace, name, uid, status }, isOnlyProgress(status));
  }

  #gone(pod: Pod, wanted: boolean): void {
    const { namespace = '', name = '', uid = '' } = pod.metadata ?? {};
    this.#workers.delete(uid);
    this.#deps.checkpoint?.forget(uid);
    this.#roomMade();
    if (this.#static.has(uid)) this.#static.ended(uid);
    else if (wanted) this.#sync.reportGone({ namespace, name, uid });
  }

  /** A pod ended: those that waited for it may start. */
  #roomMade(): void {
    for (const worker of this.#workers.values()) if (worker.waits) worker.wake();
  }

  #event(pod: Pod, event: PodEvent): void {
    if (!pod.metadata?.name) return;
    const found = event.container ? findContainer(pod, event.container) : undefined;
    const fieldPath = found ? `spec.${lists[found.kind]}{${event.container}}` : undefined;
    this.#deps.recordEvent({ ...pod, apiVersion: 'v1', kind: 'Pod' } as KubeObject, event, fieldPath);
  }

  /** Config maps and secrets changed: volumes are written again, starts that waited for them are tried. */
  #refresh(changed: ReadonlySet<string>): void {
    for (const worker of this.#workers.values()) {
      const namespace = worker.pod.metadata?.namespace ?? '';
      if ((worker.pod.spec?.volumes ?? []).some((v) => usesObject(v, changed, namespace)))
        void this.#refreshVolumes(worker);
      worker.poke();
    }
  }

  /** Tokens are renewed by writing volumes again; call now and then. */
  async refreshAll(): Promise<void> {
    for (const worker of this.#workers.values()) {
      const tokens = (worker.pod.spec?.volumes ?? []).some((v) =>
        v.projected?.sources?.some((s) => s.serviceAccountToken),
      );
      if (tokens && !worker.over) await this.#refreshVolumes(worker);
    }
  }

  async #refreshVolumes(worker: PodWorker): Promise<void> {
    try {
      await this.#deps.runtime.refresh(worker.task);
    } catch (error) {
      this.#deps.log('warn', 'volumes not refreshed', { pod: worker.uid, error: (error as Error).message });
    }
  }

  /** What is on the node but not in the cluster goes. */
  #removeOrphans(): void {
    for (const { uid, namespace, name } of this.#deps.runtime.present()) {
      if (this.#workers.has(uid)) continue;
      this.#deps.log('info', 'removing what is left of a pod', { uid, namespace, name });
      const pod: Pod = { metadata: { uid, namespace, name }, spec: { containers: [] } };
      this.#add(pod, emptyMemory()).remove();
    }
  }
}
