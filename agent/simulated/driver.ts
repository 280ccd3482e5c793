// The Runtime port without containers: sandboxes and containers are running as soon as they are asked for. For machines
// without Linux or root, and for many nodes in one process. A container ends by itself when its pod says so:
//   slipway.dev/simulated-seconds: "5"    how long each container runs (init containers: end at once without it)
//   slipway.dev/simulated-exit-code: "1"  and how it ends
import type { Pod } from '../../core/api/types.gen.ts';
import { findContainer, isSidecar } from '../../core/kubelet/containers.ts';
import type { ObservedContainer, ObservedPod } from '../../core/kubelet/model.ts';
import type { KillRequest, PodTask, Runtime, RuntimeHealth } from '../runtime.ts';

const secondsKey = 'slipway.dev/simulated-seconds';
const exitCodeKey = 'slipway.dev/simulated-exit-code';
const killedExitCode = 143;
/**
 * How long a container takes to end when it is told to, in milliseconds. `kubectl delete` first asks whether the pod is still there by its
 * uid, then waits until none of that name is: a pod of a stateful set that is gone and made again between the two has it wait for ever.
 */
const endMs = 200;

interface Pretended {
  namespace: string;
  name: string;
  observed: ObservedPod;
  timers: Set<NodeJS.Timeout>;
}

export class SimulatedRuntime implements Runtime {
  readonly pretends = true;
  readonly #pods = new Map<string, Pretended>();
  readonly #now: () => number;
  /** First address of the pod range, and how many there are. */
  readonly #range: { first: number; size: number };
  #serial = 0;
  #onChange: (uid: string) => void = () => {};

  /** @param podCidr IPv4, `10.201.3.0/24` */
  constructor(now: () => number, podCidr: string) {
    this.#now = now;
    const [base = '', bits = '24'] = podCidr.split('/');
    const first = base.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
    this.#range = { first, size: 2 ** (32 - Number(bits)) };
  }

  async start(onChange: (uid: string) => void): Promise<void> {
    this.#onChange = onChange;
  }

  async close(): Promise<void> {
    for (const pod of this.#pods.values()) for (const timer of pod.timers) clearTimeout(timer);
  }

  observed(uid: string): ObservedPod {
    return this.#pods.get(uid)?.observed ?? { sandboxes: [], containers: [] };
  }

  present(): { uid: string; namespace: string; name: string }[] {
    return [...this.#pods].map(([uid, { namespace, name }]) => ({ uid, namespace, name }));
  }

  /** Takes up again what the pod's last status says was running (restart of the agent). */
  adopt(pod: Pod): void {
    const running = (pod.status?.containerStatuses ?? []).filter((s) => s.state?.running);
    if (running.length === 0) return;
    const held = this.#hold(pod);
    const startedAt = Date.parse(running[0]!.state!.running!.startedAt ?? '') || this.#now();
    const ips = (pod.status?.podIPs ?? []).map((p) => p.ip);
    held.observed = {
      sandboxes: [{ id: `sandbox-${pod.metadata?.uid}`, attempt: 0, ready: true, createdAt: startedAt, ips }],
      containers: [],
    };
    for (const status of running) {
      const id = (status.containerID ?? '').replace(/^.*:\/\//, '');
      this.#add(held, this.#container(pod, status.name, status.restartCount, id, startedAt));
    }
  }

  async createSandbox(task: PodTask, attempt: number): Promise<void> {
    const held = this.#hold(task.pod);
    const ips = task.pod.spec?.hostNetwork ? [] : [this.#address()];
    const sandbox = { id: `sandbox-${task.uid}-${attempt}`, attempt, ready: true, createdAt: this.#now(), ips };
    held.observed = { ...held.observed, sandboxes: [sandbox, ...held.observed.sandboxes] };
    this.#onChange(task.uid);
  }

  async stopSandbox(task: PodTask, id: string): Promise<void> {
    const held = this.#hold(task.pod);
    const sandboxes = held.observed.sandboxes.map((s) => (s.id === id ? { ...s, ready: false } : s));
    held.observed = { ...held.observed, sandboxes };
    this.#onChange(task.uid);
  }

  async startContainer(task: PodTask, name: string, attempt: number): Promise<void> {
    const held = this.#hold(task.pod);
    const id = `${task.uid.replaceAll('-', '')}${(++this.#serial).toString(16).padStart(8, '0')}`;
    this.#add(held, this.#container(task.pod, name, attempt, id, this.#now()));
    task.event({ type: 'Normal', reason: 'Created', message: 'Container created', container: name });
    task.event({ type: 'Normal', reason: 'Started', message: 'Container started', container: name });
    const { annotations } = task.pod.metadata ?? {};
    const found = findContainer(task.pod, name);
    const endsAtOnce = found?.kind === 'init' && !isSidecar(found.container);
    const seconds =
      annotations?.[secondsKey] !== undefined ? Number(annotations[secondsKey]) : endsAtOnce ? 0 : undefined;
    if (seconds !== undefined) {
      const timer = setTimeout(() => {
        held.timers.delete(timer);
        this.#exit(task.uid, id, Number(annotations?.[exitCodeKey] ?? 0));
      }, seconds * 1000);
      timer.unref();
      held.timers.add(timer);
    }
    this.#onChange(task.uid);
  }

  async preStop(): Promise<void> {}

  async kill(task: PodTask, request: KillRequest): Promise<void> {
    task.event({ type: 'Normal', reason: 'Killing', message: request.message, container: request.container });
    await new Promise<void>((resolve) => setTimeout(resolve, endMs).unref());
    this.#exit(task.uid, request.id, killedExitCode);
  }

  async remove(task: PodTask, id: string): Promise<void> {
    const held = this.#hold(task.pod);
    held.observed = { ...held.observed, containers: held.observed.containers.filter((c) => c.id !== id) };
    this.#onChange(task.uid);
  }

  async finish(task: PodTask, deleted: boolean): Promise<void> {
    const held = this.#hold(task.pod);
    for (const timer of held.timers) clearTimeout(timer);
    held.observed = { ...held.observed, sandboxes: held.observed.sandboxes.map((s) => ({ ...s, ready: false })) };
    if (deleted) this.#pods.delete(task.uid);
  }

  async refresh(): Promise<void> {}

  async exec(): Promise<{ exitCode: number; output: string; timedOut: boolean }> {
    return { exitCode: 0, output: '', timedOut: false };
  }

  async health(): Promise<RuntimeHealth> {
    return { ready: true, message: '' };
  }

  /** The next of the range; those of long ago are given again. */
  #address(): string {
    const offset = 2 + (this.#serial++ % (this.#range.size - 3));
    const number = this.#range.first + offset;
    return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.');
  }

  #hold(pod: Pod): Pretended {
    const { uid = '', namespace = '', name = '' } = pod.metadata ?? {};
    const held = this.#pods.get(uid) ?? {
      namespace,
      name,
      observed: { sandboxes: [], containers: [] },
      timers: new Set(),
    };
    this.#pods.set(uid, held);
    return held;
  }

  #container(pod: Pod, name: string, attempt: number, id: string, startedAt: number): ObservedContainer {
    const image = findContainer(pod, name)?.container.image ?? '';
    return {
      id,
      name,
      sandboxId: this.observed(pod.metadata?.uid ?? '').sandboxes[0]?.id ?? '',
      attempt,
      state: 'running',
      createdAt: startedAt,
      startedAt,
      finishedAt: 0,
      exitCode: 0,
      reason: '',
      message: '',
      image,
      imageId: image,
      requestedImage: image,
    };
  }

  #add(held: Pretended, container: ObservedContainer): void {
    held.observed = { ...held.observed, containers: [container, ...held.observed.containers] };
  }

  #exit(uid: string, id: string, exitCode: number): void {
    const held = this.#pods.get(uid);
    if (!held) return;
    const containers = held.observed.containers.map(
      (c): ObservedContainer =>
        c.id === id && c.state === 'running'
          ? { ...c, state: 'exited', exitCode, finishedAt: this.#now(), reason: exitCode === 0 ? 'Completed' : 'Error' }
          : c,
    );
    held.observed = { ...held.observed, containers };
    this.#onChange(uid);
  }
}
