// Amounts of several resources at once (`cpu`, `requests.memory`, `count/secrets`), as quotas add and compare them.
import {
  addQuantities,
  compareQuantities,
  formatQuantity,
  isZeroQuantity,
  parseQuantity,
  type Quantity,
  quantitySign,
  subtractQuantities,
} from '../quantity.ts';

export type Amounts = ReadonlyMap<string, Quantity>;

const zero = parseQuantity('0');

export const parseAmounts = (list: Record<string, string | number> | undefined): Amounts =>
  new Map(Object.entries(list ?? {}).map(([name, text]) => [name, parseQuantity(String(text))]));

export const formatAmounts = (amounts: Amounts): Record<string, string> =>
  Object.fromEntries([...amounts].map(([name, quantity]) => [name, formatQuantity(quantity)]));

export const addAmounts = (a: Amounts, b: Amounts): Amounts =>
  new Map([...a, ...[...b].map(([name, more]) => [name, addQuantities(a.get(name) ?? zero, more)] as const)]);

/** Never below zero. */
export const subtractAmounts = (a: Amounts, b: Amounts): Amounts =>
  new Map(
    [...a].map(([name, quantity]) => {
      const less = b.get(name);
      const rest = less ? subtractQuantities(quantity, less) : quantity;
      return [name, quantitySign(rest) < 0 ? zero : rest];
    }),
  );

export const only = (amounts: Amounts, names: Iterable<string>): Amounts => {
  const wanted = new Set(names);
  return new Map([...amounts].filter(([name]) => wanted.has(name)));
};

export const withoutZeros = (amounts: Amounts): Amounts =>
  new Map([...amounts].filter(([, quantity]) => !isZeroQuantity(quantity)));

export const negativeNames = (amounts: Amounts): string[] =>
  [...amounts].filter(([, quantity]) => quantitySign(quantity) < 0).map(([name]) => name);

/** The names of which `a` holds more than `b` allows; a name that `b` lacks has no limit. */
export const exceeding = (a: Amounts, b: Amounts): string[] =>
  [...a]
    .filter(([name, quantity]) => {
      const limit = b.get(name);
      return limit !== undefined && compareQuantities(quantity, limit) > 0;
    })
    .map(([name]) => name);

export const sameAmounts = (a: Amounts, b: Amounts): boolean =>
  a.size === b.size &&
  [...a].every(([name, quantity]) => {
    const other = b.get(name);
    return other !== undefined && compareQuantities(quantity, other) === 0;
  });

/** `cpu=1,pods=2`: sorted by name, as refusals show it. */
export const describeAmounts = (amounts: Amounts): string =>
  [...amounts]
    .map(([name, quantity]) => `${name}=${formatQuantity(quantity)}`)
    .sort()
    .join(',');
