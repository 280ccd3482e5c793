// Collects what validation finds, so that all causes are reported at once.
import type { FieldError } from '../errors.ts';
import {
  duplicateValue,
  forbiddenValue,
  invalidValue,
  notFoundValue,
  requiredValue,
  tooLongValue,
  tooManyValues,
  unsupportedValue,
} from '../field-errors.ts';

export const immutable = 'field is immutable';
export const notNegative = 'must be greater than or equal to 0';

/** A map as messages show it. */
export const inOrder = <T>(map: Record<string, T>): Record<string, T> =>
  Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));

export class Findings {
  readonly errors: FieldError[] = [];

  required(field: string, detail = ''): void {
    this.errors.push(requiredValue(field, detail));
  }

  /** One finding for each detail: rules of names.ts return all that they dislike, or nothing. */
  invalid(field: string, value: unknown, details: string | readonly string[]): void {
    for (const detail of typeof details === 'string' ? [details] : details) {
      this.errors.push(invalidValue(field, value, detail));
    }
  }

  forbidden(field: string, detail: string): void {
    this.errors.push(forbiddenValue(field, detail));
  }

  unsupported(field: string, value: unknown, supported: readonly string[]): void {
    this.errors.push(unsupportedValue(field, value, supported));
  }

  duplicate(field: string, value: unknown): void {
    this.errors.push(duplicateValue(field, value));
  }

  notFound(field: string, value: unknown): void {
    this.errors.push(notFoundValue(field, value));
  }

  tooLong(field: string, maxBytes: number): void {
    this.errors.push(tooLongValue(field, maxBytes));
  }

  tooMany(field: string, actual: number, max: number): void {
    this.errors.push(tooManyValues(field, actual, max));
  }

  add(errors: readonly FieldError[]): void {
    this.errors.push(...errors);
  }

  /** Refuses a number below zero; absent is fine. */
  nonNegative(field: string, value: number | undefined): void {
    if (value !== undefined && value < 0) this.invalid(field, value, notNegative);
  }

  /** Required and one of the values. */
  oneOf(field: string, value: string | undefined, supported: readonly string[], detail = ''): void {
    if (!value) this.required(field, detail);
    else if (!supported.includes(value)) this.unsupported(field, value, supported);
  }

  /** Refuses a change; shows the new value. */
  unchanged(field: string, value: unknown, old: unknown): void {
    if (!sameValue(value, old)) this.invalid(field, value ?? null, immutable);
  }
}

/** Deep equality as the API sees it: an absent value, an empty list and an empty map are the same. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (isEmpty(a) && isEmpty(b)) return true;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => sameValue(item, b[i]));
  if (!isRecord(a) || !isRecord(b)) return false;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].every((key) => sameValue(a[key], b[key]));
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isEmpty = (value: unknown): boolean =>
  value === undefined || value === null || (Array.isArray(value) && value.length === 0);

/** The places of items that say what an earlier one said already. */
export function repeats<T>(items: readonly T[], identity: (item: T) => string): Set<number> {
  const seen = new Set<string>();
  const places = new Set<number>();
  for (const [place, item] of items.entries()) {
    const key = identity(item);
    if (seen.has(key)) places.add(place);
    seen.add(key);
  }
  return places;
}

/** Length in bytes of UTF-8, which is what size limits count. */
export const byteLength = (text: string): number => new TextEncoder().encode(text).length;
