// What counts cost in a month.
import type { Count } from './meter.ts';
import type { Price } from './prices.ts';

/** Hours of a month as AWS reckons it: 730. */
export const monthMs = 730 * 3_600_000;

export interface BillLine {
  service: string;
  what: string;
  /** A month's. */
  amount: number;
  /** Of the price's unit: millions, gigabytes. */
  units: number;
  usd: number;
  /** After what is free each month. */
  usdWithFree: number;
}

export interface Bill {
  lines: BillLine[];
  usd: number;
  usdWithFree: number;
}

const applies = (price: Price, count: Count): boolean =>
  price.service === count.service &&
  price.quantity === count.quantity &&
  (price.operation === undefined || price.operation === count.operation);

/** @param durationMs how long was counted; the month is so many times as much */
export function monthlyBill(counts: readonly Count[], durationMs: number, prices: readonly Price[]): Bill {
  const times = monthMs / durationMs;
  const lines = prices.flatMap((price): BillLine[] => {
    const counted = counts.filter((count) => applies(price, count)).reduce((sum, { amount }) => sum + amount, 0);
    if (counted === 0) return [];
    const amount = counted * times;
    const cost = (billed: number): number => (billed / price.per) * price.usd;
    return [
      {
        service: price.service,
        what: price.what,
        amount,
        units: amount / price.per,
        usd: cost(amount),
        usdWithFree: cost(Math.max(0, amount - (price.free ?? 0))),
      },
    ];
  });
  return { lines, usd: sum(lines, 'usd'), usdWithFree: sum(lines, 'usdWithFree') };
}

const sum = (lines: readonly BillLine[], of: 'usd' | 'usdWithFree'): number =>
  lines.reduce((total, line) => total + line[of], 0);

/** What the counts cost by what they were for, dearest first; free amounts belong to nobody. In USD, of the time counted. */
export function costByCause(counts: readonly Count[], prices: readonly Price[]): Map<string, number> {
  const costs = new Map<string, number>();
  for (const count of counts) {
    for (const price of prices) {
      if (!applies(price, count)) continue;
      costs.set(count.cause, (costs.get(count.cause) ?? 0) + (count.amount / price.per) * price.usd);
    }
  }
  return new Map([...costs].sort(([, a], [, b]) => b - a));
}
