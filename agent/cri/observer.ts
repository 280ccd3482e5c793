// What the runtime holds, by pod: kept by events and by the answers of the agent's own calls; listing is the safety net.
import type { ObservedContainer, ObservedPod, ObservedSandbox } from '../../core/kubelet/model.ts';
import type { Log } from '../../core/ports.ts';
import type { Cri } from './client.ts';
import { isNotFound } from './client.ts';
import type { TaskEvent } from './events.ts';
import { labelKeys } from './labels.ts';
import type { Container, ContainerStatus, PodSandbox } from './messages.ts';
import { msOf, observedOf, states } from './observed.ts';

interface Held {
  uid: string;
  container: ObservedContainer;
  /** Not shown yet: its start (with the postStart hook) is still under way. */
  hidden: boolean;
  /** Its exit was told, and may still be looked into (its message, an OOM kill told a moment later). */
  ended: boolean;
  logPath: string;
  annotations: Record<string, string>;
}

interface Exit {
  exitCode: number;
  exitedAt: number;
}

interface HeldSandbox {
  uid: string;
  namespace: string;
  name: string;
  sandbox: ObservedSandbox;
}

/** An exit code whose reason may be an OOM kill. The runtime tells that by another way than the exit: much later on a busy machine, or never. */
const killedExitCode = 137;
const oomSettleMs = 1_000;
const exitOf = ({ state, exitCode, finishedAt }: ObservedContainer): Exit | undefined =>
  state === 'exited' ? { exitCode, exitedAt: finishedAt } : undefined;
/** Events follow within milliseconds; the runtime's own status within 85 ms. */
const settleMs = 500;
const lookAgainMs = 1_000;
const newestFirst = (a: { attempt: number; createdAt: number }, b: { attempt: number; createdAt: number }): number =>
  b.createdAt - a.createdAt || b.attempt - a.attempt;

/** Reads a termination message; the driver knows the files. */
export type TerminationMessage = (
  uid: string,
  container: ObservedContainer,
  annotations: Record<string, string>,
  logPath: string,
) => Promise<string>;

export class Observer {
  readonly #cri: Cri;
  readonly #log: Log;
  readonly #message: TerminationMessage;
  readonly #wasOomKilled: (containerId: string) => boolean;
  readonly #sandboxes = new Map<string, HeldSandbox>();
  readonly #containers = new Map<string, Held>();
  /** Exits and OOM kills of containers that are not known yet (short-lived ones end before their start returns). */
  readonly #early = new Map<string, Exit>();
  readonly #oom = new Set<string>();
  /** Exits by SIGKILL that wait to be told why. */
  readonly #unexplained = new Map<string, Exit>();
  /** Being stopped by the agent: their exit by SIGKILL needs no other explanation. */
  readonly #killed = new Set<string>();
  readonly #waiting = new Map<string, (() => void)[]>();
  #tellsUser = false;
  #onChange: (uid: string) => void = () => {};

  /** @param wasOomKilled what the kernel's log says; false where that cannot be read */
  constructor(cri: Cri, log: Log, message: TerminationMessage, wasOomKilled: (containerId: string) => boolean) {
    this.#cri = cri;
    this.#log = log;
    this.#message = message;
    this.#wasOomKilled = wasOomKilled;
  }

  onChange(callback: (uid: string) => void): void {
    this.#onChange = callback;
  }

  observed(uid: string): ObservedPod {
    const sandboxes = [...this.#sandboxes.values()].filter((s) => s.uid === uid).map((s) => s.sandbox);
    const containers = [...this.#containers.values()].filter((c) => c.uid === uid && !c.hidden).map((c) => c.container);
    return { sandboxes: sandboxes.sort(newestFirst), containers: containers.sort(newestFirst) };
  }

  pods(): { uid: string; namespace: string; name: string }[] {
    const found = new Map<string, { uid: string; namespace: string; name: string }>();
    for (const { uid, namespace, name } of this.#sandboxes.values()) found.set(uid, { uid, namespace, name });
    return [...found.values()];
  }

  /** Log file and annotations of a container the observer knows. */
  held(id: string): { logPath: string; annotations: Record<string, string> } | undefined {
    return this.#containers.get(id);
  }

  addSandbox(uid: string, namespace: string, name: string, sandbox: ObservedSandbox): void {
    this.#sandboxes.set(sandbox.id, { uid, namespace, name, sandbox });
    this.#onChange(uid);
  }

  markSandbox(id: string, ready: boolean): void {
    const held = this.#sandboxes.get(id);
    if (!held || held.sandbox.ready === ready) return;
    held.sandbox = { ...held.sandbox, ready };
    this.#onChange(held.uid);
  }

  forgetSandbox(id: string): void {
    const held = this.#sandboxes.get(id);
    this.#sandboxes.delete(id);
    if (held) this.#onChange(held.uid);
  }

  forgetContainer(id: string): void {
    const held = this.#containers.get(id);
    this.#containers.delete(id);
    this.#oom.delete(id);
    this.#unexplained.delete(id);
    this.#killed.delete(id);
    if (held) this.#onChange(held.uid);
  }

  /** From create until `reveal`, the container is not shown. */
  hide(uid: string, id: string): void {
    const container: ObservedContainer = {
      id,
      name: '',
      sandboxId: '',
      attempt: 0,
      state: 'created',
      createdAt: Date.now(),
      startedAt: 0,
      finishedAt: 0,
      exitCode: 0,
      reason: '',
      message: '',
      image: '',
      imageId: '',
      requestedImage: '',
    };
    this.#containers.set(id, { uid, container, hidden: true, ended: false, logPath: '', annotations: {} });
  }

  /**
   * The runtime said that it runs: it is shown at once, without asking. What the runtime itself knows of it (its own times) is
   * looked up when nobody waits for it, and at once where the runtime tells what only it knows (the user, containerd 2).
   */
  async started(
    uid: string,
    container: ObservedContainer,
    logPath: string,
    annotations: Record<string, string>,
  ): Promise<void> {
    if (this.#tellsUser) return this.reveal(uid, container.id, container.sandboxId);
    this.#hold({ uid, container, hidden: false, ended: false, logPath, annotations });
    const look = (): void => {
      if (this.#containers.get(container.id)?.ended ?? true) return;
      this.reveal(uid, container.id, container.sandboxId).catch((error) =>
        this.#log('debug', 'container not looked at', { id: container.id, error: String(error) }),
      );
    };
    setTimeout(look, lookAgainMs).unref();
  }

  async reveal(uid: string, id: string, sandboxId: string): Promise<void> {
    try {
      await this.#inspect(uid, id, sandboxId, false);
    } catch (error) {
      // The runtime is away. The next list finds the container, but only if it is not hidden.
      if (this.#containers.get(id)?.hidden) this.#containers.delete(id);
      throw error;
    }
  }

  expectKill(id: string): void {
    this.#killed.add(id);
    this.#giveUpWaiting(id);
  }

  /** Without an explanation it is told as it is. */
  #giveUpWaiting(id: string): void {
    const exit = this.#unexplained.get(id);
    const held = this.#containers.get(id);
    if (held && exit) this.#exited(held, exit.exitCode, exit.exitedAt);
  }

  /** Resolves when the container is seen to have ended; looks itself when no event tells. */
  async settle(id: string): Promise<void> {
    const ended = (): boolean => this.#containers.get(id)?.container.state !== 'running';
    if (ended()) return;
    let timer: NodeJS.Timeout | undefined;
    const told = new Promise<void>((resolve) => {
      this.#waiting.set(id, [...(this.#waiting.get(id) ?? []), resolve]);
      timer = setTimeout(resolve, settleMs);
    });
    await told;
    clearTimeout(timer);
    const held = this.#containers.get(id);
    if (held && !ended()) await this.#inspect(held.uid, id, held.container.sandboxId, held.hidden);
  }

  /** What containerd itself told. */
  handle(event: TaskEvent): void {
    const id = event.containerId;
    if (event.type === 'oom') {
      this.#oom.add(id);
      const held = this.#containers.get(id);
      const exit = this.#unexplained.get(id) ?? (held && exitOf(held.container));
      if (held && exit) this.#exited(held, exit.exitCode, exit.exitedAt);
      return;
    }
    if (event.type === 'start') return;
    if (this.#sandboxes.has(id)) {
      this.markSandbox(id, false);
      return;
    }
    const held = this.#containers.get(id);
    if (!held || held.hidden) {
      this.#early.set(id, event);
      setTimeout(() => this.#early.delete(id), 60_000).unref();
      return;
    }
    if (!held.ended) this.#ended(held, event);
  }

  #ended(held: Held, exit: Exit): void {
    const { id } = held.container;
    held.ended = true;
    const isUnexplained = exit.exitCode === killedExitCode && !this.#oom.has(id) && !this.#killed.has(id);
    if (isUnexplained && this.#wasOomKilled(id)) this.#oom.add(id);
    else if (isUnexplained) {
      this.#unexplained.set(id, exit);
      setTimeout(() => this.#giveUpWaiting(id), oomSettleMs);
      return;
    }
    this.#exited(held, exit.exitCode, exit.exitedAt);
  }

  #exited(held: Held, exitCode: number, exitedAt: number): void {
    this.#unexplained.delete(held.container.id);
    const reason = this.#oom.has(held.container.id) ? 'OOMKilled' : exitCode === 0 ? 'Completed' : 'Error';
    const exited: ObservedContainer = { ...held.container, state: 'exited', exitCode, finishedAt: exitedAt, reason };
    void this.#message(held.uid, exited, held.annotations, held.logPath).then((message) => {
      held.container = { ...exited, message };
      this.#killed.delete(exited.id);
      for (const resolve of this.#waiting.get(exited.id) ?? []) resolve();
      this.#waiting.delete(exited.id);
      this.#onChange(held.uid);
    });
  }

  /** Lists everything; asks for details of what is new or changed. */
  async relist(): Promise<void> {
    const [sandboxes, containers] = await Promise.all([this.#cri.listPodSandbox(), this.#cri.listContainers()]);
    const work: Promise<void>[] = [];
    for (const sandbox of sandboxes) work.push(this.#relistSandbox(sandbox));
    for (const id of this.#sandboxes.keys()) if (!sandboxes.some((s) => s.id === id)) this.forgetSandbox(id);
    for (const container of containers) work.push(this.#relistContainer(container));
    for (const [id, held] of this.#containers) {
      if (!held.hidden && !containers.some((c) => c.id === id)) this.forgetContainer(id);
    }
    await Promise.all(work);
  }

  async #relistSandbox(listed: PodSandbox): Promise<void> {
    const uid = listed.metadata.uid;
    const ready = listed.state === 'SANDBOX_READY';
    const held = this.#sandboxes.get(listed.id);
    if (held) return this.markSandbox(listed.id, ready);
    const ips = ready ? await this.sandboxIPs(listed.id) : [];
    const { namespace, name, attempt } = listed.metadata;
    this.addSandbox(uid, namespace, name, { id: listed.id, attempt, ready, createdAt: msOf(listed.created_at), ips });
  }

  async sandboxIPs(id: string): Promise<string[]> {
    const status = await this.#cri.podSandboxStatus(id);
    const ips = [status.network?.ip ?? '', ...(status.network?.additional_ips ?? []).map((a) => a.ip)];
    return ips.filter((ip) => ip !== '');
  }

  async #relistContainer(listed: Container): Promise<void> {
    const held = this.#containers.get(listed.id);
    if (held && (held.hidden || held.container.state === states[listed.state])) return;
    const uid = listed.labels[labelKeys.podUid];
    if (uid) await this.#inspect(uid, listed.id, listed.pod_sandbox_id, false);
  }

  async #inspect(uid: string, id: string, sandboxId: string, hidden: boolean): Promise<void> {
    let status: ContainerStatus;
    try {
      status = await this.#cri.containerStatus(id);
    } catch (error) {
      if (isNotFound(error)) return this.forgetContainer(id);
      throw error;
    }
    const container = observedOf(status, sandboxId);
    this.#tellsUser ||= container.user !== undefined;
    const ended = container.state === 'exited';
    const { log_path: logPath, annotations } = status;
    if (ended) {
      const isKilled = container.exitCode === killedExitCode && container.reason === 'Error';
      if (this.#oom.has(id) || (isKilled && this.#wasOomKilled(id))) container.reason = 'OOMKilled';
      container.message ||= await this.#message(uid, container, annotations, logPath);
    }
    const known = this.#containers.get(id);
    // The event's word goes before a status that lags behind it.
    if (known?.ended && !known.hidden) return;
    this.#hold({ uid, container, hidden, ended, logPath, annotations });
  }

  /** Written into what is held already, if anything: an exit that is being looked into goes on with it. */
  #hold(next: Held): void {
    const { id, state } = next.container;
    const held = Object.assign(this.#containers.get(id) ?? next, next);
    this.#containers.set(id, held);
    const early = this.#early.get(id);
    if (state === 'running' && early) {
      this.#ended(held, early);
      return;
    }
    this.#log('debug', 'container observed', { id, state });
    this.#onChange(held.uid);
  }
}
