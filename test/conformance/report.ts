// What a run of the suite showed, held against the list of conformance names.
import { readFileSync } from 'node:fs';

export type Outcome = 'passed' | 'failed' | 'not yet';

interface GinkgoSpec {
  ContainerHierarchyTexts: string[] | null;
  LeafNodeText: string;
  LeafNodeType: string;
  State: string;
  RunTime: number;
  Failure?: { Message: string };
}

export interface SpecResult {
  name: string;
  outcome: 'passed' | 'failed';
  seconds: number;
  message: string;
}

/** The 446 names of Kubernetes 1.36, in the order of the list. */
export function conformanceNames(): string[] {
  const text = readFileSync(new URL('names-1.36.txt', import.meta.url), 'utf8');
  return text.split('\n').filter((line) => line.startsWith('['));
}

/** Specs that ran, out of ginkgo's JSON report. A spec that was skipped or never reached is left out. */
export function readReport(json: string): SpecResult[] {
  const suites = JSON.parse(json) as { SpecReports: GinkgoSpec[] | null }[];
  const specs = suites.flatMap((suite) => suite.SpecReports ?? []);
  return specs
    .filter((spec) => spec.LeafNodeType === 'It' && !['skipped', 'pending'].includes(spec.State))
    .map((spec) => ({
      name: [...(spec.ContainerHierarchyTexts ?? []), spec.LeafNodeText].join(' '),
      outcome: spec.State === 'passed' ? 'passed' : 'failed',
      seconds: spec.RunTime / 1e9,
      message: spec.Failure?.Message.split('\n').slice(0, 3).join(' ').slice(0, 240) ?? '',
    }));
}

const group = (name: string): string => /^\[(sig-[a-z-]+)\]/.exec(name)?.[1] ?? 'other';

/** Rows of passed, failed and not yet by SIG, with a total. */
export function table(names: readonly string[], outcomes: ReadonlyMap<string, Outcome>): string {
  const rows = new Map<string, Record<Outcome, number>>();
  const count = (key: string, outcome: Outcome) => {
    const row = rows.get(key) ?? { passed: 0, failed: 0, 'not yet': 0 };
    row[outcome] += 1;
    rows.set(key, row);
  };
  for (const name of names) {
    const outcome = outcomes.get(name) ?? 'not yet';
    count(group(name), outcome);
    count('**all**', outcome);
  }
  const order = [...rows.keys()].sort((a, b) => (a === '**all**' ? 1 : b === '**all**' ? -1 : a.localeCompare(b)));
  const lines = order.map((key) => {
    const row = rows.get(key)!;
    return `| ${key} | ${row.passed} | ${row.failed} | ${row['not yet']} |`;
  });
  return ['| | passed | failed | not yet |', '|---|---|---|---|', ...lines].join('\n');
}

/** A regular expression for ginkgo's focus that matches exactly these names. */
export const focusOn = (names: readonly string[]): string =>
  names.map((name) => `${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`).join('|');
