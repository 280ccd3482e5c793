// Columns of `kubectl get pods`, with the STATUS that users know.
import type { ContainerState, Pod, PodStatus } from '../../types.gen.ts';
import { ageColumn, nameColumn, text, wide } from '../columns.ts';
import { age } from '../duration.ts';
import { isSidecar } from './pod-resources.ts';

interface Summary {
  ready: number;
  total: number;
  reason: string;
  restarts: number;
  lastRestart: string;
}

const hasTrueCondition = (status: PodStatus, type: string): boolean =>
  status.conditions?.some((condition) => condition.type === type && condition.status === 'True') ?? false;

const terminatedReason = (state: NonNullable<ContainerState['terminated']>): string =>
  state.reason || (state.signal ? `Signal:${state.signal}` : `ExitCode:${state.exitCode}`);

const later = (a: string, b: string | undefined): string => (b && (!a || Date.parse(b) > Date.parse(a)) ? b : a);

function summarize(pod: Pod): Summary {
  const status = pod.status ?? {};
  const initContainers = pod.spec?.initContainers ?? [];
  const sidecars = new Set(initContainers.filter(isSidecar).map((container) => container.name));
  const summary: Summary = {
    ready: 0,
    total: (pod.spec?.containers?.length ?? 0) + sidecars.size,
    reason: status.reason || status.phase || '',
    restarts: 0,
    lastRestart: '',
  };
  if (status.conditions?.some((c) => c.type === 'PodScheduled' && c.reason === 'SchedulingGated')) {
    summary.reason = 'SchedulingGated';
  }
  const sidecarRestarts = { restarts: 0, lastRestart: '' };
  const initializing = summarizeInit(status, sidecars, initContainers.length, summary, sidecarRestarts);
  if (!initializing || hasTrueCondition(status, 'Initialized')) {
    Object.assign(summary, sidecarRestarts);
    summarizeContainers(status, summary);
  }
  if (pod.metadata?.deletionTimestamp) {
    if (status.reason === 'NodeLost') summary.reason = 'Unknown';
    else if (status.phase !== 'Succeeded' && status.phase !== 'Failed') summary.reason = 'Terminating';
  }
  return summary;
}

/** Returns true while an init container has yet to finish. */
function summarizeInit(
  status: PodStatus,
  sidecars: ReadonlySet<string>,
  count: number,
  summary: Summary,
  sidecarRestarts: { restarts: number; lastRestart: string },
): boolean {
  for (const [index, container] of (status.initContainerStatuses ?? []).entries()) {
    const finishedAt = container.lastState?.terminated?.finishedAt;
    summary.restarts += container.restartCount;
    summary.lastRestart = later(summary.lastRestart, finishedAt);
    const sidecar = sidecars.has(container.name);
    if (sidecar) {
      sidecarRestarts.restarts += container.restartCount;
      sidecarRestarts.lastRestart = later(sidecarRestarts.lastRestart, finishedAt);
    }
    const { terminated, waiting } = container.state ?? {};
    if (terminated?.exitCode === 0) continue;
    if (sidecar && container.started) {
      if (container.ready) summary.ready++;
      continue;
    }
    if (terminated) summary.reason = `Init:${terminatedReason(terminated)}`;
    else if (waiting?.reason && waiting.reason !== 'PodInitializing') summary.reason = `Init:${waiting.reason}`;
    else summary.reason = `Init:${index}/${count}`;
    return true;
  }
  return false;
}

function summarizeContainers(status: PodStatus, summary: Summary): void {
  let running = false;
  let failure = '';
  for (const container of [...(status.containerStatuses ?? [])].reverse()) {
    summary.restarts += container.restartCount;
    summary.lastRestart = later(summary.lastRestart, container.lastState?.terminated?.finishedAt);
    const { waiting, terminated, running: now } = container.state ?? {};
    if (waiting?.reason) summary.reason = waiting.reason;
    else if (terminated) {
      summary.reason = terminatedReason(terminated);
      if (terminated.exitCode !== 0) failure = summary.reason;
    } else if (container.ready && now) {
      running = true;
      summary.ready++;
    }
  }
  if (summary.reason !== 'Completed') return;
  if (running && hasTrueCondition(status, 'Ready')) summary.reason = 'Running';
  else if (failure) summary.reason = failure;
  else if (running) summary.reason = 'NotReady';
}

function restartsCell(pod: Pod, nowMs: number): string {
  const { restarts, lastRestart } = summarize(pod);
  return restarts !== 0 && lastRestart ? `${restarts} (${age(lastRestart, nowMs)} ago)` : String(restarts);
}

function readinessGatesCell(pod: Pod): string {
  const gates = pod.spec?.readinessGates ?? [];
  if (gates.length === 0) return '<none>';
  const met = gates.filter(
    (gate) => pod.status?.conditions?.find((c) => c.type === gate.conditionType)?.status === 'True',
  );
  return `${met.length}/${gates.length}`;
}

export const podColumns = [
  nameColumn,
  text<Pod>('Ready', (pod) => {
    const { ready, total } = summarize(pod);
    return `${ready}/${total}`;
  }),
  text<Pod>('Status', (pod) => summarize(pod).reason),
  text<Pod>('Restarts', restartsCell),
  ageColumn,
  wide<Pod>('IP', (pod) => pod.status?.podIPs?.[0]?.ip || '<none>'),
  wide<Pod>('Node', (pod) => pod.spec?.nodeName || '<none>'),
  wide<Pod>('Nominated Node', (pod) => pod.status?.nominatedNodeName || '<none>'),
  wide<Pod>('Readiness Gates', readinessGatesCell),
];
