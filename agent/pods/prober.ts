// Runs the probes of one pod's containers and keeps their verdicts.
import type { Pod, Probe } from '../../core/api/types.gen.ts';
import type { AnyContainer } from '../../core/kubelet/containers.ts';
import { appContainers, initContainers, isSidecar } from '../../core/kubelet/containers.ts';
import type { ObservedContainer, ObservedPod, PodEvent, ProbeResults } from '../../core/kubelet/model.ts';
import { newest, statusOf } from '../../core/kubelet/model.ts';
import type { ProbeKind, ProbeState } from '../../core/kubelet/probes.ts';
import { firstState, initialDelayMs, mayRun, noteOutcome, periodMs, timeoutMs } from '../../core/kubelet/probes.ts';
import type { Runtime } from '../runtime.ts';
import type { HandlerResult } from './handlers.ts';
import { grpcHealth, tcpConnect } from './handlers.ts';
import { httpGet } from './http-get.ts';

const userAgent = 'kube-probe/1.36';
const kinds: ProbeKind[] = ['startup', 'liveness', 'readiness'];
const titles = { startup: 'Startup', liveness: 'Liveness', readiness: 'Readiness' };

export type ProbeOutcome = 'successful' | 'failed' | 'unknown';

/** How often a container was probed. */
export interface ProbeCount {
  container: string;
  kind: ProbeKind;
  outcome: ProbeOutcome;
  count: number;
}

interface Watched {
  id: string;
  startedAt: number;
  states: Map<ProbeKind, ProbeState>;
  timers: Map<ProbeKind, NodeJS.Timeout>;
  running: Set<ProbeKind>;
}

export interface ProberDeps {
  runtime: Pick<Runtime, 'exec' | 'pretends'>;
  now(): number;
  event(event: PodEvent): void;
  /** A verdict changed. */
  changed(): void;
}

export class Prober {
  readonly #deps: ProberDeps;
  readonly #watched = new Map<string, Watched>();
  readonly #counts = new Map<string, ProbeCount>();
  #pod: Pod = {};
  #podIP = '';
  #ending = false;

  constructor(deps: ProberDeps) {
    this.#deps = deps;
  }

  /** Verdicts by container id. */
  results(): ReadonlyMap<string, ProbeResults> {
    const results = new Map<string, ProbeResults>();
    for (const watched of this.#watched.values()) {
      results.set(watched.id, Object.fromEntries([...watched.states].map(([kind, state]) => [kind, state.result])));
    }
    return results;
  }

  /** Since the pod came to the node or the agent began. */
  counts(): Iterable<ProbeCount> {
    return this.#counts.values();
  }

  /** Follows what runs: begins for new containers, ends for those that are gone. */
  follow(pod: Pod, observed: ObservedPod, podIP: string, ending: boolean): void {
    this.#pod = pod;
    this.#podIP = podIP;
    this.#ending = ending;
    for (const container of [...appContainers(pod), ...initContainers(pod).filter(isSidecar)]) {
      if (!container.startupProbe && !container.livenessProbe && !container.readinessProbe) continue;
      const running = newest(observed, container.name);
      const watched = this.#watched.get(container.name);
      if (watched && (running?.state !== 'running' || running.id !== watched.id)) this.#stop(container.name);
      if (running?.state === 'running' && !this.#watched.has(container.name)) this.#begin(container, running);
    }
  }

  close(): void {
    for (const name of [...this.#watched.keys()]) this.#stop(name);
  }

  #stop(name: string): void {
    for (const timer of this.#watched.get(name)?.timers.values() ?? []) clearTimeout(timer);
    this.#watched.delete(name);
  }

  #begin(container: AnyContainer, running: ObservedContainer): void {
    const watched: Watched = {
      id: running.id,
      startedAt: running.startedAt,
      states: new Map(),
      timers: new Map(),
      running: new Set(),
    };
    this.#watched.set(container.name, watched);
    // An agent that was restarted goes on from what was reported about this very container.
    const { containerStatuses, initContainerStatuses } = this.#pod.status ?? {};
    const reported = statusOf([...(containerStatuses ?? []), ...(initContainerStatuses ?? [])], container.name);
    const same = reported?.containerID?.endsWith(running.id) ?? false;
    for (const kind of kinds) {
      const probe = probeOf(container, kind);
      if (!probe) continue;
      const state = firstState(kind);
      if (same && kind === 'readiness') state.result = reported!.ready;
      if (same && kind === 'startup' && reported!.started) state.result = true;
      watched.states.set(kind, state);
      const delay = Math.max(0, running.startedAt + initialDelayMs(probe) - this.#deps.now());
      this.#schedule(container, watched, kind, delay);
    }
  }

  #schedule(container: AnyContainer, watched: Watched, kind: ProbeKind, delayMs: number): void {
    clearTimeout(watched.timers.get(kind));
    const timer = setTimeout(() => void this.#round(container, watched, kind), delayMs);
    timer.unref();
    watched.timers.set(kind, timer);
  }

  async #round(container: AnyContainer, watched: Watched, kind: ProbeKind): Promise<void> {
    const probe = probeOf(container, kind)!;
    const alive = (): boolean => this.#watched.get(container.name) === watched;
    const state = watched.states.get(kind)!;
    const hasStartup = container.startupProbe !== undefined;
    const turn = mayRun(kind, hasStartup, watched.states.get('startup')?.result, this.#ending, state);
    const early = this.#deps.now() < watched.startedAt + initialDelayMs(probe);
    if (turn && !early && !watched.running.has(kind)) {
      watched.running.add(kind);
      // A runtime that is away says nothing about the container.
      const outcome = await this.#run(container, probe, watched.id).catch(() => undefined);
      watched.running.delete(kind);
      this.#count(container.name, kind, outcome ? (outcome.ok ? 'successful' : 'failed') : 'unknown');
      if (!alive()) return;
      if (outcome) this.#note(container, watched, kind, probe, outcome);
    }
    if (alive()) this.#schedule(container, watched, kind, periodMs(probe));
  }

  #count(container: string, kind: ProbeKind, outcome: ProbeOutcome): void {
    const key = `${container} ${kind} ${outcome}`;
    const known = this.#counts.get(key);
    if (known) known.count++;
    else this.#counts.set(key, { container, kind, outcome, count: 1 });
  }

  #note(container: AnyContainer, watched: Watched, kind: ProbeKind, probe: Probe, outcome: HandlerResult): void {
    if (!outcome.ok) {
      const message = `${titles[kind]} probe failed: ${outcome.output}`;
      this.#deps.event({ type: 'Warning', reason: 'Unhealthy', message, container: container.name });
    }
    if (outcome.warning) {
      const message = `${titles[kind]} probe warning: ${outcome.output}`;
      this.#deps.event({ type: 'Warning', reason: 'ProbeWarning', message, container: container.name });
    }
    const before = watched.states.get(kind)!;
    const after = noteOutcome(before, probe, outcome.ok);
    watched.states.set(kind, after);
    if (after.result === before.result) return;
    if (kind === 'startup' && after.result) {
      // The probes that waited for it run at once.
      for (const other of ['liveness', 'readiness'] as const)
        if (watched.states.has(other)) this.#schedule(container, watched, other, 0);
    }
    this.#deps.changed();
  }

  async #run(container: AnyContainer, probe: Probe, id: string): Promise<HandlerResult> {
    if (this.#deps.runtime.pretends) return { ok: true, output: '' };
    const limit = timeoutMs(probe);
    if (probe.exec) {
      const command = probe.exec.command ?? [];
      const result = await this.#deps.runtime.exec(id, command, limit / 1000);
      if (result.timedOut)
        return { ok: false, output: `command timed out: "${command.join(' ')}" timed out after ${limit / 1000}s` };
      return { ok: result.exitCode === 0, output: result.output };
    }
    if (probe.httpGet) return httpGet(probe.httpGet, this.#pod, container, this.#podIP, limit, userAgent);
    if (probe.tcpSocket) return tcpConnect(probe.tcpSocket, this.#pod, container, this.#podIP, limit);
    if (probe.grpc) return grpcHealth(probe.grpc, this.#podIP, limit, userAgent);
    return { ok: true, output: '' };
  }
}

function probeOf(container: AnyContainer, kind: ProbeKind): Probe | undefined {
  return kind === 'startup'
    ? container.startupProbe
    : kind === 'liveness'
      ? container.livenessProbe
      : container.readinessProbe;
}
