// npm run bench:cost [-- --hours N --only idle,nodes,rollouts,watch --counts]: what a cluster on AWS costs, counted in simulated time.
// See docs/cost.md.
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { bundleFigures } from './bundles.ts';
import { type Days, report } from './report.ts';
import { dayMs, play, scenarios } from './scenarios.ts';
import { SimulatedTime } from './time.ts';
import type { Model } from './world.ts';

const { values: options } = parseArgs({
  options: {
    hours: { type: 'string', default: '24' },
    only: { type: 'string', default: '' },
    counts: { type: 'boolean', default: false },
  },
});
const durationMs = (Number(options.hours) / 24) * dayMs;
if (!(durationMs > 0)) throw new Error(`--hours ${options.hours} is no time`);

// An environment of Lambda runs a function some hundred times: too few for V8's optimising compilers. Here they must not help either.
setFlagsFromString('--no-opt');
setFlagsFromString('--no-maglev');

const bundles = await bundleFigures();
const model: Model = {
  latencies: { read: 5, write: 7, transaction: 15, other: 25 },
  ringMs: 30,
  initMs: (name) => bundles[name as keyof typeof bundles].startMs,
};
const bundleTexts = Object.entries(bundles).map(
  ([name, { bytes, startMs, importMs }]) =>
    `${name} ${Math.round(bytes / 1_000)} KB, ${startMs.toFixed(0)} ms (${importMs.toFixed(0)} of them the import)`,
);

const time = new SimulatedTime(Date.UTC(2026, 11, 1));
time.install();

const days: { -readonly [K in keyof Days]: Days[K] } = {};
for (const name of ['idle', 'nodes', 'rollouts', 'watch'] as const) {
  if (options.only && !options.only.split(',').includes(name)) continue;
  const day = await play(scenarios[name], durationMs, time, model);
  days[name] = day;
  process.stderr.write(`played: ${scenarios[name].name}\n`);
  if (!options.counts) continue;
  for (const { cause, service, operation, quantity, amount } of day.counts) {
    process.stdout.write(`${name}: ${cause}: ${Math.round(amount)} ${quantity} of ${service} ${operation}\n`);
  }
}
process.stdout.write(`Bundles, and processor time of a cold start:\n${bundleTexts.join('\n')}\n\n`);
process.stdout.write(`${report(days)}\n`);
process.exit(0);
