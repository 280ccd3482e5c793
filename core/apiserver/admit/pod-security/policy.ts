// The policy that a namespace's labels ask for, and a pod held against it.
// Source: https://kubernetes.io/docs/concepts/security/pod-security-admission/
import type { FieldError } from '../../../api/errors.ts';
import { invalidValue } from '../../../api/field-errors.ts';
import { baselineChecks } from './baseline.ts';
import type { Check, Level, PodLike, Violation } from './check.ts';
import { restrictedChecks } from './restricted.ts';

export interface LevelVersion {
  level: Level;
  /** "latest" or "v1.25", as the label says and refusals show. */
  version: string;
}

export interface Policy {
  enforce: LevelVersion;
  warn: LevelVersion;
}

const latestMinor = 36;
const prefix = 'pod-security.kubernetes.io/';
const levels: readonly string[] = ['privileged', 'baseline', 'restricted'] satisfies Level[];

const isLevel = (text: string): text is Level => levels.includes(text);
const isVersion = (text: string): boolean => text === 'latest' || /^v1\.(\d|[1-9]\d*)$/.test(text);

/** Below zero: `a` is less strict than `b`. */
export const compareLevels = (a: Level, b: Level): number => levels.indexOf(a) - levels.indexOf(b);

export const policyText = ({ level, version }: LevelVersion): string => `${level}:${version}`;

/**
 * A label that cannot be read counts as restricted for enforcement and as privileged for warnings. Warnings follow
 * enforcement unless they have labels of their own. `errors` holds all labels that are wrong, those for audit too.
 */
export function policyOf(labels: Readonly<Record<string, string>>): { policy: Policy; errors: FieldError[] } {
  const errors: FieldError[] = [];
  const levelOf = (mode: string, fallback: Level): Level | undefined => {
    const text = labels[`${prefix}${mode}`];
    if (text === undefined || isLevel(text)) return text;
    const field = `metadata.labels[${prefix}${mode}]`;
    errors.push(invalidValue(field, text, `must be one of ${levels.join(', ')}`));
    return fallback;
  };
  const versionOf = (mode: string): string | undefined => {
    const text = labels[`${prefix}${mode}-version`];
    if (text === undefined || isVersion(text)) return text;
    errors.push(invalidValue(`metadata.labels[${prefix}${mode}-version]`, text, 'must be "latest" or "v1.x"'));
    return 'latest';
  };
  const enforceLevel = levelOf('enforce', 'restricted');
  const enforce: LevelVersion = { level: enforceLevel ?? 'privileged', version: versionOf('enforce') ?? 'latest' };
  levelOf('audit', 'privileged');
  versionOf('audit');
  const warnLevel = levelOf('warn', 'privileged');
  const warnVersion = versionOf('warn');
  const named = labels[`${prefix}enforce`];
  const follows = warnLevel === undefined && named !== undefined && isLevel(named);
  const warn: LevelVersion = follows
    ? { level: enforce.level, version: warnVersion ?? enforce.version }
    : { level: warnLevel ?? 'privileged', version: warnVersion ?? 'latest' };
  return { policy: { enforce, warn }, errors };
}

/** Everything in the pod that the policy forbids, in a fixed order. */
export function violations(policy: LevelVersion, pod: PodLike): Violation[] {
  if (policy.level === 'privileged') return [];
  const minor = policy.version === 'latest' ? latestMinor : Math.min(Number(policy.version.slice(3)), latestMinor);
  const current = (check: Check): boolean => minor >= (check.since ?? 0);
  const restricted = policy.level === 'restricted' ? restrictedChecks.filter(current) : [];
  const replaced = new Set(restricted.map(({ replaces }) => replaces));
  const checks = [...baselineChecks.filter((check) => current(check) && !replaced.has(check.id)), ...restricted];
  return checks.flatMap((check) => check.run(pod, minor) ?? []);
}

export const reasonsText = (found: readonly Violation[]): string => found.map(({ reason }) => reason).join(', ');

export const detailsText = (found: readonly Violation[]): string =>
  found.map(({ reason, detail }) => (detail ? `${reason} (${detail})` : reason)).join(', ');
