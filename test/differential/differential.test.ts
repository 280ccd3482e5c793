import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { compare } from './compare.ts';
import { readGolden, scenarios } from './golden.ts';
import { startInProcess } from './in-process.ts';
import { normalize } from './normalize.ts';
import { play } from './scenario.ts';

let slipway: Awaited<ReturnType<typeof startInProcess>>;
before(async () => {
  slipway = await startInProcess();
});
after(() => slipway.stop());

for (const [index, scenario] of scenarios.entries()) {
  test(`kube-apiserver's answers: ${scenario.name}`, async () => {
    const expected = readGolden(scenario);
    assert.ok(expected, 'no answers are recorded: npm run differential -- --record');
    const namespace = `diff-${index}`;
    const played = await play(scenario, slipway.send, namespace);
    const actual = normalize(
      played.map(({ answer }) => answer),
      namespace,
    );
    assert.deepEqual(compare(scenario.name, expected, actual), []);
  });
}
