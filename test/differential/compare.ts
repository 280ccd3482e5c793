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

/** Differences that are nobody's intention. Answers are normalised already. */
export function compare(scenario: string, expected: readonly Answer[], actual: readonly Answer[]): Difference[] {
  const found: Difference[] = [];
  for (const [index, want] of expected.entries()) {
    const got = actual[index];
    const { step, ...wanted } = want;
    const { step: _, ...given } = got ?? { step, status: 0, contentType: '', warnings: [], body: undefined };
    for (const difference of walk(wanted, given, '')) {
      found.push({ scenario, step: `${index} ${step}`, ...difference, field: difference.field.slice(1) });
    }
  }
  return found.filter((difference) => !intended.some((rule) => rule.matches(difference)));
}
