// A pretended node for tests of the lifecycle: actions take effect at once, time passes when it is told to.
import type { Container, Pod, PodStatus } from '../api/types.gen.ts';
import { findContainer } from './containers.ts';
import type { StartFailure } from './failures.ts';
import { noteSandbox, noteStarted, noteStartFailure } from './failures.ts';
import type { Action, ObservedContainer, ObservedPod, PodMemory, ProbeResults } from './model.ts';
import { actionKey, emptyMemory, newest } from './model.ts';
import { noteStart, sync } from './sync.ts';

const began = Date.parse('2026-01-01T00:00:00Z');

export const container = (name: string, more: Partial<Container> = {}): Container => ({
  name,
  image: `${name}:1`,
  ...more,
});

export function podOf(spec: Partial<NonNullable<Pod['spec']>>): Pod {
  return {
    metadata: { name: 'web', namespace: 'default', uid: 'u1', generation: 1 },
    spec: { containers: [container('app')], terminationGracePeriodSeconds: 30, ...spec },
  };
}

const stateText = (status: NonNullable<PodStatus['containerStatuses']>[number]): string => {
  const { running, waiting, terminated } = status.state ?? {};
  const text = running
    ? `running${status.ready ? ' ready' : ''}`
    : terminated
      ? `${terminated.reason} ${terminated.exitCode}`
      : `waiting ${waiting?.reason ?? ''}`;
  return `${status.name}#${status.restartCount}: ${text}`;
};

export class World {
  pod: Pod;
  memory: PodMemory = emptyMemory();
  observed: ObservedPod = { sandboxes: [], containers: [] };
  probes = new Map<string, ProbeResults>();
  removed = false;
  now = began;
  status: PodStatus = {};
  finished = false;
  /** Starts of these containers fail so. */
  failures = new Map<string, { failure: StartFailure; message: string }>();
  /** Containers that do not end when they are asked to. */
  stubborn = new Set<string>();
  /** What happened: seconds, actions or events, phase and containers. */
  readonly story: string[] = [];
  #serial = 0;
  #last = '';

  constructor(pod: Pod) {
    this.pod = pod;
  }

  /** Steps until nothing more happens at this time. */
  settle(): number | undefined {
    for (let step = 0; step < 50; step++) {
      const result = sync({
        pod: this.pod,
        observed: this.observed,
        memory: this.memory,
        probes: this.probes,
        removed: this.removed,
        now: this.now,
        node: { hostIPs: ['10.0.0.1'] },
      });
      this.memory = result.memory;
      this.status = result.status;
      for (const event of result.events) this.#say(`event ${event.reason}: ${event.message}`);
      const actions = result.actions.filter((a) => a.do !== 'finish' || !this.finished);
      if (!result.quiet) this.#tell();
      if (actions.length === 0) return result.nextAt;
      const before = JSON.stringify([this.observed, this.memory]);
      for (const action of actions) this.#carryOut(action);
      if (before === JSON.stringify([this.observed, this.memory]) && !actions.some((a) => a.do === 'finish'))
        return result.nextAt;
    }
    throw new Error('the pod never comes to rest');
  }

  /** Lets time pass, stopping wherever the lifecycle wanted to be asked. */
  pass(seconds: number): void {
    const until = this.now + seconds * 1000;
    for (;;) {
      const next = this.settle();
      if (next === undefined || next > until) break;
      this.now = Math.max(next, this.now + 1);
    }
    this.now = until;
    this.settle();
  }

  exit(name: string, exitCode: number): void {
    this.#change(name, (c) => ({
      ...c,
      state: 'exited',
      exitCode,
      finishedAt: this.now,
      reason: exitCode === 0 ? 'Completed' : 'Error',
    }));
    this.#say(`${name} exits with ${exitCode}`);
  }

  probe(name: string, results: ProbeResults): void {
    const running = newest(this.observed, name)!;
    this.probes.set(running.id, { ...this.probes.get(running.id), ...results });
  }

  delete(graceSeconds: number): void {
    const metadata = { ...this.pod.metadata, deletionTimestamp: new Date(this.now).toISOString() };
    this.pod = { ...this.pod, metadata: { ...metadata, deletionGracePeriodSeconds: graceSeconds } };
    this.#say(`deleted, grace ${graceSeconds} s`);
  }

  killSandbox(): void {
    this.observed = {
      ...this.observed,
      sandboxes: this.observed.sandboxes.map((s) => ({ ...s, ready: false, ips: [] })),
    };
    this.#say('the sandbox dies');
  }

  #say(text: string): void {
    this.story.push(`${((this.now - began) / 1000).toFixed(0)}s ${text}`);
  }

  #tell(): void {
    const { phase, containerStatuses, initContainerStatuses, conditions } = this.status;
    const ready = conditions?.find((c) => c.type === 'Ready')?.status === 'True' ? ' Ready' : '';
    const all = [...(initContainerStatuses ?? []), ...(containerStatuses ?? [])].map(stateText).join('; ');
    const text = `${phase}${ready} [${all}]`;
    if (text !== this.#last) this.#say(`= ${text}`);
    this.#last = text;
  }

  #change(name: string, change: (container: ObservedContainer) => ObservedContainer): void {
    const target = newest(this.observed, name)?.id;
    const containers = this.observed.containers.map((c) => (c.id === target ? change(c) : c));
    this.observed = { ...this.observed, containers };
  }

  #carryOut(action: Action): void {
    this.#say(`> ${actionKey(action)}${action.do === 'start' ? `#${action.attempt}` : ''}`);
    const { sandboxes, containers } = this.observed;
    switch (action.do) {
      case 'create-sandbox': {
        const sandbox = {
          id: `s${action.attempt}`,
          attempt: action.attempt,
          ready: true,
          createdAt: this.now,
          ips: ['10.1.0.2'],
        };
        this.observed = { containers, sandboxes: [sandbox, ...sandboxes] };
        this.memory = noteSandbox(this.memory);
        return;
      }
      case 'stop-sandbox':
        this.observed = {
          containers,
          sandboxes: sandboxes.map((s) => (s.id === action.id ? { ...s, ready: false } : s)),
        };
        return;
      case 'start':
        this.#start(action.container, action.attempt);
        return;
      case 'kill':
        if (this.stubborn.has(action.container)) return;
        this.#change(action.container, (c) => ({
          ...c,
          state: 'exited',
          exitCode: 143,
          reason: 'Error',
          finishedAt: this.now,
        }));
        return;
      case 'remove':
        this.observed = { sandboxes, containers: containers.filter((c) => c.id !== action.id) };
        return;
      case 'finish':
        this.finished = true;
        this.observed = { containers, sandboxes: sandboxes.map((s) => ({ ...s, ready: false })) };
        return;
      case 'pre-stop':
        return;
    }
  }

  #start(name: string, attempt: number): void {
    const last = newest(this.observed, name);
    this.memory = noteStart(this.memory, name, last?.state === 'exited' ? last.finishedAt : undefined, this.now);
    const failure = this.failures.get(name);
    if (failure) {
      this.memory = noteStartFailure(this.memory, name, failure.failure, failure.message, this.now);
      return;
    }
    const image = findContainer(this.pod, name)?.container.image ?? '';
    const made: ObservedContainer = {
      id: `${name}-${++this.#serial}`,
      name,
      sandboxId: this.observed.sandboxes[0]?.id ?? '',
      attempt,
      state: 'running',
      createdAt: this.now,
      startedAt: this.now,
      finishedAt: 0,
      exitCode: 0,
      reason: '',
      message: '',
      image,
      imageId: `sha256:${name}`,
      requestedImage: image,
    };
    this.observed = { ...this.observed, containers: [made, ...this.observed.containers] };
    this.memory = noteStarted(this.memory, name);
  }
}
