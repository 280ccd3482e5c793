// docs/conformance.md: what runs of the suite said, what the names wait for that do not pass, and what in the repository shows
// the names of networking and of pods' lives. The words are those of evidence.json.
import { readFileSync } from 'node:fs';
import { type Outcome, table } from './report.ts';

export interface Evidence {
  /** Beginnings of names that do not pass, and what they wait for. */
  waits: Readonly<Record<string, string>>;
  /** Files with what stands in them about the name; or, in words, why there is none. */
  shownBy: Readonly<Record<string, Readonly<Record<string, string>> | string>>;
}

export const readEvidence = (): Evidence =>
  JSON.parse(readFileSync(new URL('evidence.json', import.meta.url), 'utf8')) as Evidence;

/** Outcomes of the page as it stands, so that a run of some names leaves the others as they were. */
export function readPage(text: string): Map<string, Outcome> {
  const rows = [...text.matchAll(/^- (passed|failed): (.+)$/gm)];
  return new Map(rows.map(([, outcome, name]) => [name!, outcome as Outcome]));
}

const isOpen = (outcome: Outcome | undefined): boolean => outcome !== 'passed';

/** The longest beginning that `waits` has of a name: `X [` may say another thing than `X`. */
export const reasonOf = ({ waits }: Evidence, name: string): string | undefined =>
  Object.keys(waits)
    .filter((begin) => name.startsWith(begin))
    .sort((a, b) => b.length - a.length)[0];

function waitingRows(names: readonly string[], outcomes: ReadonlyMap<string, Outcome>, evidence: Evidence): string[] {
  const counts = new Map<string, number>();
  for (const name of names.filter((one) => isOpen(outcomes.get(one)))) {
    const begin = reasonOf(evidence, name) ?? name;
    counts.set(begin, (counts.get(begin) ?? 0) + 1);
  }
  return [...counts].map(
    ([begin, count]) => `| ${begin.replace(/ \[$/, '')} | ${count} | ${evidence.waits[begin] ?? 'not known yet'} |`,
  );
}

const shown = (by: Readonly<Record<string, string>> | string): string =>
  typeof by === 'string'
    ? `nothing: ${by}`
    : Object.entries(by)
        .map(([file, story]) => `[${file}](../${file}): ${story.replaceAll("'", '')}`)
        .join('; ');

/** The whole page. A name without an outcome has not been run. */
export function pageOf(names: readonly string[], outcomes: ReadonlyMap<string, Outcome>, evidence: Evidence): string {
  const short = (name: string) => name.replace(/ \[(Conformance|NodeConformance|LinuxOnly)\]/g, '');
  return [
    '# Conformance',
    '',
    `What the official conformance suite of Kubernetes 1.36 (${names.length} tests) says of Slipway on one machine with two nodes. Written by`,
    '`npm run conformance -- --write`, which leaves what earlier runs said of other names as it was.',
    '',
    table(names, outcomes),
    '',
    '## What does not pass, and why',
    '',
    '| names | number | they wait for |',
    '|---|---|---|',
    ...waitingRows(names, outcomes, evidence),
    '',
    '## What shows it in the repository',
    '',
    'The names of [sig-network], and those of [sig-node] about the lives of pods, discovery and nodes that fail. The suite itself is not part',
    'of `npm test`; these tests are.',
    '',
    '| name | shown by |',
    '|---|---|',
    ...Object.entries(evidence.shownBy).map(([name, by]) => `| ${short(name)} | ${shown(by)} |`),
    '',
    '## By name',
    '',
    ...names.filter((name) => outcomes.has(name)).map((name) => `- ${outcomes.get(name)}: ${name}`),
    '',
  ].join('\n');
}
