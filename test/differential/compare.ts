// Finds where two answers differ, field by field, and takes away what differs on purpose.
import { intended } from './differences.ts';
import type { Answer } from './scenario.ts';

export interface Difference {
  scenario: string;
  step: string;
  /** `status`, `contentType`, `warnings`, or a path in the body: `body.spec.replicas`. */
  field: string;
  expected: unknown;
  actual: unknown;
}

function* walk(
  expected: unknown,
  actual: unknown,
  path: string,
): Generator<{ field: string; expected: unknown; actual: unknown }> {
  if (Object.is(expected, actual)) return;
  const both = typeof expected === 'object' && typeof actual === 'object' && expected && actual;
  if (!both || Array.isArray(expected) !== Array.isArray(actual)) {
    yield { field: path, expected, actual };
    return;
  }
  const left = expected as Record<string, unknown>;
  const right = actual as Record<string, unknown>;
  for (const key of new Set([...Object.keys(left), ...Object.keys(right)]))
    yield* walk(left[key], right[key], `${path}.${key}`);
}

/**
 * Without what depends on when and where a recording was made (the order of managers of one second, the numbers of revisions in
 * messages), and without causes that are told again: how often kube-apiserver looks at metadata is its own affair.
 */
function plain(value: unknown, field = ''): unknown {
  if (typeof value === 'string') return value.replace(/(ResourceVersion[^()]*)\(\d+\)/g, '$1(<revision>)');
  if (Array.isArray(value)) {
    const items = value.map((item) => plain(item));
    if (field === 'causes') return [...new Map(items.map((item) => [JSON.stringify(item), item])).values()];
    if (field !== 'managedFields') return items;
    return items.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item, key)]));
}

/** A bad request is answered with 400 or 422 and says so; kube-apiserver answers some with 500, as if the server were to blame. */
const blamesItself = (real: number, ours: number | undefined): boolean =>
  real === 500 && (ours === 400 || ours === 422);

/** Differences that are nobody's intention. Answers are normalised already. */
export function compare(scenario: string, expected: readonly Answer[], actual: readonly Answer[]): Difference[] {
  const found: Difference[] = [];
  for (const [index, want] of expected.entries()) {
    const got = actual[index];
    if (blamesItself(want.status, got?.status)) continue;
    const { step, ...wanted } = want;
    const { step: _, ...given } = got ?? { step, status: 0, contentType: '', warnings: [], body: undefined };
    for (const difference of walk(plain(wanted), plain(given), '')) {
      found.push({ scenario, step: `${index} ${step}`, ...difference, field: difference.field.slice(1) });
    }
  }
  return found.filter((difference) => !intended.some((rule) => rule.matches(difference)));
}
