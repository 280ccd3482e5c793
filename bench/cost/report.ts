// The tables that `npm run bench:cost` prints.
import { type Bill, costByCause, monthlyBill, monthMs } from '../../aws/cost/bill.ts';
import { prices, pricesAsOf, pricesRegion } from '../../aws/cost/prices.ts';
import { type Day, nodeCount } from './scenarios.ts';

const names = ['idle', 'nodes', 'rollouts', 'watch'] as const;

export type Days = Readonly<Partial<Record<(typeof names)[number], Day>>>;

const hourMs = 3_600_000;
const targets = { idle: 1, node: 0.3 };

const usd = (amount: number): string => amount.toFixed(amount < 0.1 ? 4 : 2);

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

const billOf = ({ counts, durationMs }: Day): Bill => monthlyBill(counts, durationMs, prices);
const costOf = ({ counts, durationMs }: Day): number =>
  (billOf({ counts, durationMs } as Day).usd * durationMs) / monthMs;

/** What was not played is left out. */
export function report(days: Days): string {
  const { idle, nodes, rollouts, watch } = days;
  const rows: string[][] = [];
  if (idle) rows.push(['an idle cluster, a month', usd(billOf(idle).usd), `at most ${usd(targets.idle)}`]);
  if (idle && nodes) {
    const node = (billOf(nodes).usd - billOf(idle).usd) / nodeCount;
    rows.push(['each idle node, a month', usd(node), `at most ${usd(targets.node)}`]);
  }
  if (nodes && rollouts?.starts) {
    const starts = ((costOf(rollouts) - costOf(nodes)) / rollouts.starts) * 1_000;
    rows.push(['1,000 pods started by rollouts, and 1,000 ended', usd(starts), '']);
  }
  if (idle && watch) {
    const hour = (costOf(watch) - costOf(idle)) / (watch.durationMs / hourMs);
    rows.push(['an open `kubectl get -w`, an hour', usd(hour), '']);
  }
  const sections = names.flatMap((name) => {
    const day = days[name];
    return day ? [details(name, day)] : [];
  });
  return [`Prices of ${pricesRegion}, ${pricesAsOf}.`, table(['', 'USD', 'target'], rows), ...sections].join('\n\n');
}

const titles = {
  idle: 'An idle cluster',
  nodes: '10 idle nodes',
  rollouts: '10 nodes, 200 deployments rolled out a day (3 replicas each)',
  watch: 'An open `kubectl get pods -w`',
};

function details(name: keyof typeof titles, day: Day): string {
  const { lines, usd: all, usdWithFree } = billOf(day);
  const byService = table(
    ['USD a month', 'amount', 'USD', 'beyond the free amounts'],
    [
      ...lines.map((line) => [`${line.service}: ${line.what}`, amountOf(line), usd(line.usd), usd(line.usdWithFree)]),
      ['all', '', usd(all), usd(usdWithFree)],
    ],
  );
  const times = monthMs / day.durationMs;
  const causes = [...costByCause(day.counts, prices)].map(([cause, cost]) => [cause, usd(cost * times)]);
  return [
    `**${titles[name]}**`,
    byService,
    table(['for', 'USD a month'], causes),
    `Cold starts: ${day.coldStarts}.`,
  ].join('\n\n');
}

/** Units of a million are told in thousands. */
const amountOf = ({ amount, units, what }: { amount: number; units: number; what: string }): string =>
  /^GB-months|^GB /.test(what)
    ? units.toPrecision(3)
    : what.startsWith('GB-seconds')
      ? Math.round(units).toLocaleString('en')
      : Math.round(amount).toLocaleString('en');
