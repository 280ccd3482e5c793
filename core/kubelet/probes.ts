// When a probe runs, and what its results mean. https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/
import type { Probe } from '../api/types.gen.ts';

export type ProbeKind = 'startup' | 'liveness' | 'readiness';

export interface ProbeState {
  /** The verdict; undefined until there is one. */
  result: boolean | undefined;
  /** How often the last outcome was seen in a row. */
  streak: number;
  last: boolean | undefined;
}

/** Liveness is taken for granted until it fails; readiness is not; startup is unknown. */
export const firstState = (kind: ProbeKind): ProbeState => ({
  result: kind === 'liveness' ? true : kind === 'readiness' ? false : undefined,
  streak: 0,
  last: undefined,
});

/** Takes one outcome in. */
export function noteOutcome(state: ProbeState, probe: Probe, ok: boolean): ProbeState {
  const streak = state.last === ok ? state.streak + 1 : 1;
  const threshold = ok ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3);
  return { result: streak >= threshold ? ok : state.result, streak, last: ok };
}

/** Milliseconds from the container's start to the first run. */
export const initialDelayMs = (probe: Probe): number => (probe.initialDelaySeconds ?? 0) * 1000;
export const periodMs = (probe: Probe): number => (probe.periodSeconds ?? 10) * 1000;
export const timeoutMs = (probe: Probe): number => (probe.timeoutSeconds ?? 1) * 1000;

/** Whether it is this probe's turn: startup first, then the others; nothing but readiness once the pod is ending. */
export function mayRun(
  kind: ProbeKind,
  hasStartup: boolean,
  startup: boolean | undefined,
  ending: boolean,
  state: ProbeState,
): boolean {
  if (kind === 'startup') return !ending && startup === undefined;
  if (hasStartup && startup !== true) return false;
  if (kind === 'liveness') return !ending && state.result !== false;
  return true;
}
