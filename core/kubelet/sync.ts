// The pod lifecycle as one pure function: what is wanted, what runs, what is remembered -> what to do, and the status.
// https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/
import type { Pod } from '../api/types.gen.ts';
import { durationText, heldUntil, nextBackoff } from './backoff.ts';
import { findContainer, shouldStart } from './containers.ts';
import type { Action, ContainerMemory, PodEvent, PodMemory, SyncInput, SyncResult } from './model.ts';
import { newest, statusOf } from './model.ts';
import { isTerminal } from './phase.ts';
import { anyRunning, makePlan, sandboxChanged } from './plan.ts';
import { noteReplaced, untoldUntil } from './replacement.ts';
import { podStatus } from './status.ts';
import { evictionGraceSeconds, graceSeconds, killAction, stopContainers } from './terminate.ts';
import { terminated } from './terminated.ts';

/** How long ErrImagePull is shown before it becomes ImagePullBackOff. */
const failureShownMs = 1500;

interface Draft {
  actions: Action[];
  events: PodEvent[];
  memory: PodMemory;
  nextAt: number | undefined;
  quiet: boolean;
}

const sooner = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined ? b : b === undefined ? a : Math.min(a, b);

const podText = (pod: Pod): string => `${pod.metadata?.name}_${pod.metadata?.namespace}(${pod.metadata?.uid})`;

/** How many times the container was started before, from whoever still knows. */
function nextAttempt(input: SyncInput, name: string): number {
  const last = newest(input.observed, name);
  if (last) return last.attempt + 1;
  const status = input.memory.status ?? input.pod.status;
  const old = statusOf(
    [
      ...(status?.containerStatuses ?? []),
      ...(status?.initContainerStatuses ?? []),
      ...(status?.ephemeralContainerStatuses ?? []),
    ],
    name,
  );
  if (!old) return 0;
  const ran = old.containerID !== undefined && old.containerID !== '';
  return ran && (old.state?.running || old.state?.terminated) ? old.restartCount + 1 : old.restartCount;
}

/** What keeps a container from being started now; without a reason it goes on waiting as it did. */
interface Hold {
  until: number;
  reason?: string;
  message?: string;
  event?: PodEvent;
}

function crashHold(input: SyncInput, own: ContainerMemory, name: string): Hold | undefined {
  const last = newest(input.observed, name);
  if (last?.state !== 'exited' || !own.crash) return undefined;
  // It went down with its sandbox (or its machine): that is no crash of its own.
  if (last.sandboxId !== input.observed.sandboxes[0]?.id) return undefined;
  const until = heldUntil(own.crash, last.finishedAt, input.now);
  if (until === undefined) return undefined;
  const where = podText(input.pod);
  const text = `Back-off restarting failed container ${name} in pod ${where}`;
  const message = `back-off ${durationText(own.crash.delayMs)} restarting failed container=${name} pod=${where}`;
  const event: PodEvent = { type: 'Warning', reason: 'BackOff', message: text, container: name };
  return { until, reason: 'CrashLoopBackOff', message, event };
}

function imageHold(input: SyncInput, own: ContainerMemory, name: string): Hold | undefined {
  if (!own.image || heldUntil(own.image, own.image.updatedAt, input.now) === undefined) return undefined;
  // The failure itself is to be seen for a moment, as it is in Kubernetes.
  const shown = own.image.updatedAt + failureShownMs;
  if (input.now < shown) return { until: shown };
  const text = `Back-off pulling image "${findContainer(input.pod, name)?.container.image ?? ''}"`;
  const message = own.image.message ? `${text}: ${own.image.message}` : text;
  const event: PodEvent = { type: 'Normal', reason: 'BackOff', message: text, container: name };
  return { until: own.image.updatedAt + own.image.delayMs, reason: 'ImagePullBackOff', message, event };
}

const retryHold = (input: SyncInput, own: ContainerMemory): Hold | undefined =>
  own.retry && own.retry.at > input.now ? { until: own.retry.at } : undefined;

/** A crash loop, a failing image or a failed try holds the start back; otherwise the start action. */
function startContainer(input: SyncInput, draft: Draft, name: string): void {
  const own: ContainerMemory = { ...draft.memory.containers[name] };
  const hold = crashHold(input, own, name) ?? imageHold(input, own, name) ?? retryHold(input, own);
  if (!hold) {
    draft.actions.push({ do: 'start', container: name, attempt: nextAttempt(input, name) });
    return;
  }
  draft.nextAt = sooner(draft.nextAt, hold.until);
  if (!hold.reason) return;
  if (hold.event && own.waiting?.reason !== hold.reason) draft.events.push(hold.event);
  const waiting = { reason: hold.reason, message: hold.message ?? '' };
  draft.memory.containers[name] = { ...own, waiting };
}

/** Takes note, once per exit, that a container crashed, so that the start after it counts towards the back-off. */
export function noteStart(memory: PodMemory, name: string, exitedAt: number | undefined, now: number): PodMemory {
  const own = { ...memory.containers[name] };
  if (exitedAt !== undefined) own.crash = nextBackoff(own.crash, exitedAt, now);
  return { ...memory, containers: { ...memory.containers, [name]: own } };
}

/** Sandboxes that still run go once no container is left in them. */
function stopSandboxes(input: SyncInput, draft: Draft): boolean {
  const ready = input.observed.sandboxes.filter((s) => s.ready);
  for (const sandbox of ready) draft.actions.push({ do: 'stop-sandbox', id: sandbox.id });
  return ready.length > 0;
}

/** The pod is to end (deleted, failed, removed): stop all; when all is still, finish. */
function ending(input: SyncInput, draft: Draft, grace: number): void {
  const stop = stopContainers(input.pod, input.observed, draft.memory, grace, input.now);
  draft.memory = stop.memory;
  draft.actions.push(...stop.actions);
  draft.nextAt = sooner(draft.nextAt, stop.nextAt);
  if (anyRunning(input.observed)) return;
  draft.actions.push({ do: 'finish' });
}

function living(input: SyncInput, draft: Draft): void {
  const { pod, observed, now } = input;
  const plan = makePlan(pod, observed, input.probes);
  if (plan.killPod) {
    const stop = stopContainers(pod, observed, draft.memory, graceSeconds(pod, '', 'pod-done'), now);
    draft.actions.push(...stop.actions);
    draft.nextAt = sooner(draft.nextAt, stop.nextAt);
    draft.memory = anyRunning(observed) ? stop.memory : { ...stop.memory, terminatingSince: undefined };
    if (anyRunning(observed) || stopSandboxes(input, draft)) return;
    if (plan.createSandbox === undefined) draft.actions.push({ do: 'finish' });
  }
  if (plan.createSandbox !== undefined) {
    const retry = draft.memory.sandboxRetry;
    if (retry && retry.at > now) draft.nextAt = sooner(draft.nextAt, retry.at);
    else draft.actions.push({ do: 'create-sandbox', attempt: plan.createSandbox });
    return;
  }
  if (plan.killPod) return;
  for (const kill of plan.kill) {
    const seconds = graceSeconds(pod, kill.container.name, kill.reason);
    draft.actions.push(killAction(pod, kill.container, seconds, kill.message));
    if (kill.restarts) draft.memory = noteReplaced(draft.memory, kill.container.name, kill.container.id);
  }
  for (const name of plan.start) startContainer(input, draft, name);
  removeDead(input, draft);
  const untold = untoldUntil(observed, draft.memory, now);
  draft.quiet = untold !== undefined;
  draft.nextAt = sooner(draft.nextAt, untold);
}

/** One dead container of each name is kept (`logs --previous`, lastState); older ones go. */
function removeDead(input: SyncInput, draft: Draft): void {
  const seenDead = new Map<string, number>();
  for (const container of input.observed.containers) {
    if (container.state !== 'exited' && container.state !== 'created') continue;
    const count = (seenDead.get(container.name) ?? 0) + 1;
    seenDead.set(container.name, count);
    const newestOne = newest(input.observed, container.name)?.id === container.id;
    if (count > (newest(input.observed, container.name)?.state === 'running' ? 1 : 2) && !newestOne) {
      draft.actions.push({ do: 'remove', id: container.id });
    }
  }
}

/** Reasons for waiting that no longer hold are forgotten. */
function forgetWaiting(input: SyncInput, memory: PodMemory): PodMemory {
  const containers = { ...memory.containers };
  for (const [name, own] of Object.entries(containers)) {
    const found = findContainer(input.pod, name);
    const last = newest(input.observed, name);
    if (own.waiting && found && last && !shouldStart(input.pod, found.container, last)) {
      containers[name] = { ...own, waiting: undefined };
    }
    if (own.retry && last?.state === 'running')
      containers[name] = { ...containers[name], retry: undefined, image: undefined };
  }
  return { ...memory, containers };
}

/** Whoever fills the disk gets no time to go on with it. */
const overGrace = ({ pod }: SyncInput, { memory }: Draft): number =>
  memory.failed?.reason === 'Evicted' ? evictionGraceSeconds : graceSeconds(pod, '', 'pod-done');

/** The pod's deadline counts from its start time. */
function deadline(input: SyncInput, draft: Draft): void {
  const seconds = input.pod.spec?.activeDeadlineSeconds;
  if (seconds === undefined || draft.memory.failed || draft.memory.startTime === undefined) return;
  if (isTerminal(input.memory.status?.phase ?? input.pod.status?.phase)) return;
  const at = draft.memory.startTime + seconds * 1000;
  if (input.now < at) {
    draft.nextAt = sooner(draft.nextAt, at);
    return;
  }
  const message = 'Pod was active on the node longer than the specified deadline';
  draft.memory = { ...draft.memory, failed: { reason: 'DeadlineExceeded', message } };
  draft.events.push({ type: 'Normal', reason: 'DeadlineExceeded', message });
}

/**
 * @param input `memory` is what the previous call returned (or a checkpoint), with what the shell noted since:
 *   failures of actions (failures.ts) and started containers (noteStart).
 * @returns actions that may all run at the same time; the caller leaves out those whose key is still running.
 */
export function sync(input: SyncInput): SyncResult {
  const { pod } = input;
  const startTime = input.memory.startTime ?? (Date.parse(pod.status?.startTime ?? '') || input.now);
  const draft: Draft = {
    actions: [],
    events: [],
    memory: forgetWaiting(input, { ...input.memory, startTime }),
    nextAt: undefined,
    quiet: false,
  };
  deadline(input, draft);
  const deleted = pod.metadata?.deletionTimestamp !== undefined || input.removed;
  const over = isTerminal(pod.status?.phase) || draft.memory.failed !== undefined;
  if (input.removed) ending(input, draft, Math.min(pod.metadata?.deletionGracePeriodSeconds ?? 0, 0));
  else if (deleted) ending(input, draft, pod.metadata?.deletionGracePeriodSeconds ?? 0);
  else if (over) ending(input, draft, overGrace(input, draft));
  else if (!input.waiting) living(input, draft);
  const done = !anyRunning(input.observed) && draft.actions.every((a) => a.do === 'finish');
  const ended = (deleted || over) && !anyRunning(input.observed) && !input.starting;
  const shown = podStatus(input, draft.memory, ended, !sandboxChanged(pod, input.observed).changed);
  const status = ended ? terminated(pod, shown) : shown;
  draft.memory = { ...draft.memory, status };
  const gone = (deleted || isTerminal(status.phase)) && done && draft.actions.length > 0;
  return {
    actions: draft.actions,
    status,
    quiet: draft.quiet,
    memory: draft.memory,
    events: draft.events,
    nextAt: draft.nextAt,
    terminated: gone,
  };
}
