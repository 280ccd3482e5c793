// How a figure is taken: bounded runs, the median of several, and a table in which each figure stands beside its peer's.
import { readFileSync } from 'node:fs';

export interface Row {
  what: string;
  unit: string;
  /** Whether a larger figure is the better one. */
  better: 'more' | 'less';
  slipway: number;
  /** The same on the peer, in the same run; absent without --peers. */
  peer?: number;
  peerName?: string;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}

/**
 * Median of `runs` figures of each side. The sides take turns, each beginning as often as another, so that whatever else the
 * machine does falls on all of them alike.
 */
export async function inTurns(runs: number, sides: readonly (() => Promise<number>)[]): Promise<number[]> {
  const figures: number[][] = sides.map(() => []);
  for (let run = 0; run < runs; run++) {
    for (let turn = 0; turn < sides.length; turn++) {
      const side = (run + turn) % sides.length;
      figures[side]!.push(await sides[side]!());
    }
  }
  return figures.map(median);
}

/** `total` calls by `clients` at a time; calls a second. */
export async function perSecond(
  total: number,
  clients: number,
  call: (index: number) => Promise<void>,
): Promise<number> {
  let next = 0;
  const began = performance.now();
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (next < total) await call(next++);
    }),
  );
  return (total / (performance.now() - began)) * 1000;
}

/** Resident memory of these processes in MiB, from /proc. */
export function residentMiB(pids: readonly number[]): number {
  const kib = pids.map((pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0));
  return kib.reduce((sum, value) => sum + value, 0) / 1024;
}

const figure = (value: number): string =>
  value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);

/** Times better than the peer: above 1 is ahead. */
export const advantage = (row: Row): number | undefined =>
  row.peer === undefined ? undefined : row.better === 'more' ? row.slipway / row.peer : row.peer / row.slipway;

export function markdown(rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const ahead = advantage(row);
    const peer = row.peer === undefined ? '' : `${figure(row.peer)} (${row.peerName})`;
    return `| ${row.what} | ${row.unit} | ${figure(row.slipway)} | ${peer} | ${ahead === undefined ? '' : `${figure(ahead)}x`} |`;
  });
  return ['| what | unit | Slipway | peer | times better |', '|---|---|---|---|---|', ...lines].join('\n');
}
