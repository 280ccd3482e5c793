import assert from 'node:assert/strict';
import { test } from 'node:test';
import { conformanceNames, focusOn, readReport, table } from './report.ts';

test('the list holds the 446 names of Kubernetes 1.36, each once', () => {
  const names = conformanceNames();
  assert.equal(names.length, 446);
  assert.equal(new Set(names).size, 446);
});

test('a report counts what ran and leaves out what was skipped', () => {
  const spec = (LeafNodeText: string, State: string) => ({
    ContainerHierarchyTexts: ['[sig-apps] Deployment'],
    LeafNodeText,
    LeafNodeType: 'It',
    State,
    RunTime: 2e9,
    Failure: { Message: 'expected\nactual' },
  });
  const json = JSON.stringify([
    { SpecReports: [spec('runs', 'passed'), spec('breaks', 'timedout'), spec('waits', 'skipped')] },
  ]);
  const results = readReport(json);
  assert.deepEqual(
    results.map((r) => [r.name, r.outcome, r.seconds]),
    [
      ['[sig-apps] Deployment runs', 'passed', 2],
      ['[sig-apps] Deployment breaks', 'failed', 2],
    ],
  );
  const names = ['[sig-apps] Deployment runs', '[sig-apps] Deployment breaks', '[sig-node] Pods live'];
  assert.match(table(names, new Map(results.map((r) => [r.name, r.outcome]))), /\*\*all\*\* \| 1 \| 1 \| 1 \|/);
});

test('a focus matches its names and no others', () => {
  const focus = new RegExp(focusOn(['[sig-apps] Job (a.b) [Conformance]']));
  assert.ok(focus.test('[sig-apps] Job (a.b) [Conformance]'));
  assert.ok(!focus.test('[sig-apps] Job (axb) [Conformance]'));
});
