import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { pageOf, readEvidence, readPage, reasonOf } from './page.ts';
import { conformanceNames, type Outcome } from './report.ts';

const root = new URL('../../', import.meta.url);
const names = conformanceNames();
const evidence = readEvidence();
const text = readFileSync(new URL('docs/conformance.md', root), 'utf8');
const outcomes = readPage(text);

test('the page is what the runs and the evidence say', () => {
  assert.equal(text, pageOf(names, outcomes, evidence), 'write it anew: npm run conformance -- --write none');
});

test('a run of some names leaves the others as they were', () => {
  const [one = '', two = ''] = names;
  const before = new Map<string, Outcome>([
    [one, 'passed'],
    [two, 'failed'],
  ]);
  assert.deepEqual(readPage(pageOf(names, before, evidence)), before);
  const after = readPage(pageOf(names, new Map([...before, [two, 'passed']]), evidence));
  assert.deepEqual([after.get(one), after.get(two)], ['passed', 'passed']);
});

test('every name that does not pass says what it waits for, and no reason stands there for nothing', () => {
  const open = names.filter((name) => outcomes.get(name) !== 'passed');
  assert.deepEqual(
    open.filter((name) => reasonOf(evidence, name) === undefined),
    [],
  );
  const used = new Set(open.map((name) => reasonOf(evidence, name)));
  assert.deepEqual(
    Object.keys(evidence.waits).filter((begin) => !used.has(begin)),
    [],
  );
});

test('every name of networking is shown by something that is there', () => {
  assert.deepEqual(
    names.filter((name) => name.startsWith('[sig-network]') && !evidence.shownBy[name]),
    [],
  );
  for (const [name, by] of Object.entries(evidence.shownBy)) {
    assert.ok(names.includes(name), name);
    if (typeof by === 'string') continue;
    for (const [file, story] of Object.entries(by)) {
      assert.ok(existsSync(new URL(file, root)), `${name}: no ${file}`);
      assert.ok(readFileSync(new URL(file, root), 'utf8').includes(story), `${name}: ${file} does not say "${story}"`);
    }
  }
});
