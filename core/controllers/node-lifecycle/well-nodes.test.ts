// Whether some other node is well: the same answer as a search through all of them, without searching again and again.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type Random, seeded, seedOfRun } from '../../../test/simulation/random.ts';
import { manualPorts } from '../../client/fixture/manual-ports.ts';
import {
  clockHeartbeats,
  type HeartbeatRecord,
  type Heartbeats,
  lookedAgain,
  RecordedHeartbeats,
} from './heartbeats.ts';
import { WellNodes } from './well-nodes.ts';

const names = ['a', 'b', 'c', 'd', 'e'];

/** Nodes that report, fall silent, become unready, go and come; after each step the answer for each must be that of a search. */
function answersAsASearch(heartbeats: Heartbeats, random: Random, pass: () => void): { yes: number; no: number } {
  const nodes = new Map<string, { ready: boolean; graceMs: number }>();
  const wellNodes = new WellNodes();
  const isWell = (name: string): boolean => {
    const node = nodes.get(name);
    return node?.ready === true && heartbeats.silentMs(name) < node.graceMs;
  };
  const given = { yes: 0, no: 0 };
  const steps = [
    pass,
    (name: string) => {
      heartbeats.note(name, 'lease', String(random.below(1e9)));
      wellNodes.heard(name);
    },
    (name: string) => {
      nodes.set(name, { ready: nodes.get(name)?.ready ?? false, graceMs: random.pick([40_000, 400_000]) });
      wellNodes.heard(name);
    },
    (name: string) => {
      nodes.set(name, { graceMs: 40_000, ...nodes.get(name), ready: random.below(3) > 0 });
      wellNodes.note(name, nodes.get(name)!.ready);
    },
    (name: string) => {
      if (random.below(4) > 0) return;
      nodes.delete(name);
      heartbeats.forget(name);
      wellNodes.note(name, false);
    },
  ];
  for (let step = 0; step < 3_000; step++) {
    random.pick(steps)(random.pick(names));
    for (const name of [...names, 'another']) {
      const wanted = names.some((other) => other !== name && isWell(other));
      assert.equal(wellNodes.isAnother(name, heartbeats.basis(), isWell), wanted, `${name} at step ${step}`);
      given[wanted ? 'yes' : 'no']++;
    }
  }
  return given;
}

function randomOf(t: TestContext): Random {
  const seed = seedOfRun();
  t.diagnostic(`SLIPWAY_SEED=${seed}`);
  return seeded(seed);
}

test('the answer is that of a search, while a process counts, also one that is stopped for a while', (t) => {
  const random = randomOf(t);
  const { clock, pass } = manualPorts();
  let jumpedMs = 0;
  const heartbeats = clockHeartbeats({ now: () => clock.now() + jumpedMs, after: clock.after }, 40_000);
  const end = heartbeats.begin();
  const given = answersAsASearch(heartbeats, random, () => {
    if (random.below(20) === 0) jumpedMs += 3_600_000;
    else pass(random.pick([1_000, 15_000, 39_999, 40_000]));
  });
  assert.ok(given.yes > 100 && given.no > 100, JSON.stringify(given));
  end();
});

test('the answer is that of a search, while looks count, also with one that was missed or that others took', (t) => {
  const random = randomOf(t);
  const heartbeats = new RecordedHeartbeats();
  let atMs = 0;
  let record: HeartbeatRecord | undefined;
  const given = answersAsASearch(heartbeats, random, () => {
    atMs += random.below(20) === 0 ? 3_600_000 : 60_000;
    const reports = new Map(heartbeats.reports());
    if (random.below(5) === 0) reports.set(random.pick(names), 'what another process saw');
    record = lookedAgain(record, atMs, reports);
    heartbeats.record = record;
  });
  assert.ok(given.yes > 100 && given.no > 100, JSON.stringify(given));
});

test('when thousands fall silent at once, each is looked at a few times, not once for each of the others', () => {
  const count = 5_000;
  const all = Array.from({ length: count }, (_, i) => `node-${i}`);
  const silent = new Set<string>();
  const wellNodes = new WellNodes();
  let looks = 0;
  const isWell = (name: string): boolean => {
    looks++;
    return !silent.has(name);
  };
  const answers = (): Set<boolean> => new Set(all.map((name) => wellNodes.isAnother(name, 'since', isWell)));
  for (const name of all) wellNodes.note(name, true);
  assert.deepEqual([...answers()], [true]);
  for (const name of all.slice(0, -2)) silent.add(name);
  assert.deepEqual([...answers()], [true], 'the last two are well');
  for (const name of all) silent.add(name);
  assert.deepEqual([...answers()], [false]);
  silent.delete('node-7');
  wellNodes.heard('node-7');
  assert.equal(wellNodes.isAnother('node-7', 'since', isWell), false);
  assert.equal(wellNodes.isAnother('node-8', 'since', isWell), true);
  assert.ok(looks <= 4 * count, `${looks} looks`);
});
