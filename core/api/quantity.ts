// Exact resource quantities ("100m", "1.5Gi", "12e6"): parse, canonical form, arithmetic. Semantics of apimachinery's
// resource.Quantity: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/

export type QuantityFormat = 'DecimalSI' | 'BinarySI' | 'DecimalExponent';

/** value x 10^scale. `text` is set when the way it was written is already canonical and is to be kept. */
export interface Quantity {
  readonly value: bigint;
  readonly scale: number;
  readonly format: QuantityFormat;
  readonly text?: string;
}

export class QuantityError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'QuantityError';
  }
}

const pattern = '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$';
const formatWrong = `quantities must match the regular expression '${pattern}'`;
const suffixWrong = "unable to parse quantity's suffix";
const numericWrong = 'unable to parse numeric part of quantity';

const nanoScale = -9;
/** Beyond this many digits of difference the smaller operand of a sum is dropped instead of written out. */
const maxAlignedDigits = 1000;
const maxInt64 = 2n ** 63n - 1n;
const minInt64 = -(2n ** 63n);
/** Fast path of the reference: up to 18 decimal digits fit an int64. */
const int64Digits = 18;

const decimalSuffixes = new Map([
  ['n', -9],
  ['u', -6],
  ['m', -3],
  ['', 0],
  ['k', 3],
  ['M', 6],
  ['G', 9],
  ['T', 12],
  ['P', 15],
  ['E', 18],
]);
const decimalSuffixOf = new Map([...decimalSuffixes].map(([suffix, exponent]) => [exponent, suffix]));
const binarySuffixes = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'] as const;

const pow10 = (exponent: number): bigint => 10n ** BigInt(exponent);
const abs = (value: bigint): bigint => (value < 0n ? -value : value);

interface Suffix {
  base: 10 | 2;
  exponent: number;
  format: QuantityFormat;
}

function interpretSuffix(suffix: string): Suffix {
  const decimal = decimalSuffixes.get(suffix);
  if (decimal !== undefined) return { base: 10, exponent: decimal, format: 'DecimalSI' };
  const binary = binarySuffixes.indexOf(suffix as (typeof binarySuffixes)[number]);
  if (binary > 0) return { base: 2, exponent: binary * 10, format: 'BinarySI' };
  const exponent = /^[eE]([-+]?[0-9]+)$/.exec(suffix)?.[1];
  if (exponent === undefined) throw new QuantityError(suffixWrong);
  const parsed = BigInt(exponent.replace('+', ''));
  if (parsed > maxInt64 || parsed < minInt64) throw new QuantityError(suffixWrong);
  return { base: 10, exponent: Number(BigInt.asIntN(32, parsed)), format: 'DecimalExponent' };
}

/**
 * Sign, digits without leading zeros, dot and digits, then everything that may be a suffix. No text matches in two ways, or a
 * long one that does not match would be tried in all of them.
 */
const shape = /^([+-]?)(0*)([1-9][0-9]*|)(?:\.([0-9]*))?((?:[eEinumkKMGTP]+[-+]?|[-+])[0-9]*|)$/;

/** Throws QuantityError in the words of apimachinery. Values below 1n are rounded away from zero. */
export function parseQuantity(text: string): Quantity {
  if (text === '') throw new QuantityError(formatWrong);
  if (text === '0') return { value: 0n, scale: 0, format: 'DecimalSI', text };
  const parts = shape.exec(text);
  if (!parts) throw new QuantityError(formatWrong);
  const sign = parts[1] === '-' ? -1n : 1n;
  const whole = parts[3] === '' ? '0' : parts[3]!;
  const fraction = parts[4] ?? '';
  const suffix = interpretSuffix(parts[5]!);
  const digits = BigInt(whole + fraction);
  const short = canonicalAsWritten(text, whole, fraction, digits, suffix);
  if (short) return { value: sign * digits * (suffix.base === 2 ? 2n ** BigInt(suffix.exponent) : 1n), ...short };

  if (!/[0-9]/.test(text.slice(0, text.length - parts[5]!.length))) throw new QuantityError(numericWrong);
  let value = suffix.base === 2 ? digits * 2n ** BigInt(suffix.exponent) : digits;
  let scale = (suffix.base === 10 ? suffix.exponent : 0) - fraction.length;
  let format = suffix.format;
  if (value !== 0n) ({ value, scale } = roundedUp(value, scale, nanoScale));
  if (format === 'BinarySI') {
    if (compare(value, scale, maxInt64, 0) > 0) {
      value = maxInt64;
      scale = 0;
    }
    if (value > 0n && compare(value, scale, 1n, 0) < 0) format = 'DecimalSI';
  }
  return { value: sign * value, scale, format };
}

/** What the reference keeps as written ("1e3", "010", "8.250" is rewritten): short numbers whose scale is a multiple of 3. */
function canonicalAsWritten(
  text: string,
  whole: string,
  fraction: string,
  digits: bigint,
  suffix: Suffix,
): { scale: number; format: QuantityFormat; text?: string } | undefined {
  if (suffix.base === 2) {
    const precision = 15 - whole.length - Math.trunc((suffix.exponent * 3) / 10) - 1;
    if (fraction !== '' || precision < 0) return undefined;
    const kept = (digits & 7n) !== 0n;
    return { scale: 0, format: suffix.format, ...(kept ? { text } : {}) };
  }
  const scale = suffix.exponent - fraction.length;
  if (int64Digits - whole.length - fraction.length < 0 || scale < nanoScale) return undefined;
  const shifted = whole + fraction;
  const kept = scale % 3 === 0 && !shifted.endsWith('000') && !shifted.startsWith('0');
  return { scale, format: suffix.format, ...(kept ? { text } : {}) };
}

/** Rounded away from zero to a multiple of 10^`to`; unchanged when it is one. */
function roundedUp(value: bigint, scale: number, to: number): { value: bigint; scale: number } {
  if (scale >= to || value === 0n) return { value, scale };
  const dropped = to - scale;
  const unit = value < 0n ? -1n : 1n;
  if (dropped > abs(value).toString().length) return { value: unit, scale: to };
  const divisor = pow10(dropped);
  const quotient = value / divisor;
  return { value: value % divisor === 0n ? quotient : quotient + unit, scale: to };
}

function compare(a: bigint, aScale: number, b: bigint, bScale: number): number {
  const aSign = a === 0n ? 0 : a < 0n ? -1 : 1;
  const bSign = b === 0n ? 0 : b < 0n ? -1 : 1;
  if (aSign !== bSign) return aSign < bSign ? -1 : 1;
  if (aSign === 0) return 0;
  if (aScale !== bScale) {
    // Orders of magnitude first, so that 1e2000000000 costs nothing.
    const order = abs(a).toString().length + aScale - (abs(b).toString().length + bScale);
    if (order !== 0) return order < 0 ? -aSign : aSign;
    if (aScale > bScale) a *= pow10(aScale - bScale);
    else b *= pow10(bScale - aScale);
  }
  return a === b ? 0 : a < b ? -1 : 1;
}

const parsedTexts = new Map<string, Quantity>();
/** Clusters use few different quantities; the cache starts anew rather than grow without bound. */
const maxCachedTexts = 4096;

/** Schedulers and quotas add up the same few texts all day. */
function quantityOf(from: Quantity | string): Quantity {
  if (typeof from !== 'string') return from;
  let quantity = parsedTexts.get(from);
  if (!quantity) {
    quantity = parseQuantity(from);
    if (parsedTexts.size >= maxCachedTexts) parsedTexts.clear();
    parsedTexts.set(from, quantity);
  }
  return quantity;
}

/** -1, 0 or 1. */
export function compareQuantities(a: Quantity | string, b: Quantity | string): number {
  const left = quantityOf(a);
  const right = quantityOf(b);
  return compare(left.value, left.scale, right.value, right.scale);
}

function sum(a: Quantity, b: Quantity, bSign: bigint): Quantity {
  const format = a.value === 0n ? b.format : a.format;
  if (b.value === 0n) return { value: a.value, scale: a.scale, format };
  if (a.value === 0n) return { value: bSign * b.value, scale: b.scale, format };
  const scale = Math.min(a.scale, b.scale);
  if (Math.abs(a.scale - b.scale) > maxAlignedDigits) {
    return a.scale > b.scale ? { ...a, text: undefined } : { value: bSign * b.value, scale: b.scale, format };
  }
  return { value: a.value * pow10(a.scale - scale) + bSign * b.value * pow10(b.scale - scale), scale, format };
}

/** A sum keeps the format of its first operand, unless that is zero. */
export const addQuantities = (a: Quantity | string, b: Quantity | string): Quantity =>
  sum(quantityOf(a), quantityOf(b), 1n);
export const subtractQuantities = (a: Quantity | string, b: Quantity | string): Quantity =>
  sum(quantityOf(a), quantityOf(b), -1n);
export const isZeroQuantity = (a: Quantity | string): boolean => quantityOf(a).value === 0n;
/** -1, 0 or 1. */
export const quantitySign = (a: Quantity | string): number => {
  const { value } = quantityOf(a);
  return value === 0n ? 0 : value < 0n ? -1 : 1;
};

/** The amount in units of 10^`scale`, rounded away from zero, kept within int64. */
export function scaledValue(a: Quantity | string, scale: number): bigint {
  const quantity = quantityOf(a);
  if (quantity.value === 0n) return 0n;
  const rounded = roundedUp(quantity.value, quantity.scale, scale);
  const zeros = rounded.scale - scale;
  const capped = rounded.value < 0n ? minInt64 : maxInt64;
  if (zeros > 19) return capped;
  const value = rounded.value * pow10(zeros);
  return value > maxInt64 || value < minInt64 ? capped : value;
}

/** Whole units (bytes, pods ...), rounded up; a double, exact up to 2^53. */
export const quantityValue = (a: Quantity | string): number => Number(scaledValue(a, 0));
/** Thousandths (CPU), rounded up; a double, exact up to 2^53. */
export const quantityMilliValue = (a: Quantity | string): number => Number(scaledValue(a, -3));

/** From whole units or thousandths. */
export const quantityFromValue = (value: number | bigint, format: QuantityFormat = 'DecimalSI'): Quantity => ({
  value: BigInt(value),
  scale: 0,
  format,
});
export const quantityFromMilli = (milli: number | bigint, format: QuantityFormat = 'DecimalSI'): Quantity => ({
  value: BigInt(milli),
  scale: -3,
  format,
});

function formatBinary(value: bigint): string {
  let step = 0;
  while (step < binarySuffixes.length - 1 && value % 1024n === 0n) {
    value /= 1024n;
    step++;
  }
  return `${value}${binarySuffixes[step]}`;
}

function formatDecimal(value: bigint, scale: number, format: QuantityFormat): string {
  const digits = value.toString();
  let zeros = 0;
  while (digits[digits.length - 1 - zeros] === '0') zeros++;
  let mantissa = zeros > 0 ? digits.slice(0, -zeros) : digits;
  let exponent = scale + zeros;
  const beyond = ((exponent % 3) + 3) % 3;
  mantissa += '0'.repeat(beyond);
  exponent -= beyond;
  const suffix = format === 'DecimalSI' ? decimalSuffixOf.get(exponent) : undefined;
  // Beyond E there is no suffix; the exponent form keeps the amount.
  return mantissa + (suffix ?? (exponent === 0 ? '' : `e${exponent}`));
}

/** The canonical form: no fraction, the largest suffix that keeps it so. */
export function formatQuantity(quantity: Quantity): string {
  if (quantity.text !== undefined) return quantity.text;
  const { value, scale } = quantity;
  if (value === 0n) return '0';
  if (quantity.format !== 'BinarySI') return formatDecimal(value, scale, quantity.format);
  const small = compare(abs(value), scale, 1024n, 0) < 0;
  const whole = scale >= 0 || (-scale <= abs(value).toString().length && value % pow10(-scale) === 0n);
  if (small || !whole || scale > maxAlignedDigits) return formatDecimal(value, scale, 'DecimalSI');
  return formatBinary(scale >= 0 ? value * pow10(scale) : value / pow10(-scale));
}

/** As the API stores and shows it: "1000m" becomes "1", "1.5Gi" "1536Mi". Throws QuantityError. */
export const canonicalQuantity = (text: string): string => formatQuantity(quantityOf(text));
