// Makers of FieldError in the words that kube-apiserver uses, and the Go quoting that those words need.
// The value that was refused is quoted when it is a string, plain when it is a number or boolean, JSON otherwise.
import type { FieldError } from './errors.ts';

const shortEscapes: Record<string, string> = {
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  '"': '\\"',
};

const needsEscape = /["\\]|[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu;

/** A string as Go's strconv.Quote (`%q`) writes it. */
export function goQuote(text: string): string {
  const escaped = text.replace(needsEscape, (char) => {
    const short = shortEscapes[char];
    if (short !== undefined) return short;
    const code = char.codePointAt(0)!;
    if (code < 0x80) return `\\x${code.toString(16).padStart(2, '0')}`;
    return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\U${code.toString(16).padStart(8, '0')}`;
  });
  return `"${escaped}"`;
}

const htmlUnsafe = /[<>&\u2028\u2029]/g;

/** A value as Go's json.Marshal writes it: map keys keep their order here, angle brackets and ampersands are escaped. */
export const goJson = (value: unknown): string =>
  (JSON.stringify(value) ?? 'null').replace(
    htmlUnsafe,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

const shown = (value: unknown): string => {
  if (typeof value === 'string') return goQuote(value);
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  return goJson(value);
};

const withDetail = (text: string, detail: string): string => (detail ? `${text}: ${detail}` : text);

export const invalidValue = (field: string, value: unknown, detail: string): FieldError => ({
  reason: 'FieldValueInvalid',
  message: withDetail(`Invalid value: ${shown(value)}`, detail),
  field,
});

export const requiredValue = (field: string, detail = ''): FieldError => ({
  reason: 'FieldValueRequired',
  message: withDetail('Required value', detail),
  field,
});

export const forbiddenValue = (field: string, detail: string): FieldError => ({
  reason: 'FieldValueForbidden',
  message: withDetail('Forbidden', detail),
  field,
});

export const duplicateValue = (field: string, value: unknown): FieldError => ({
  reason: 'FieldValueDuplicate',
  message: `Duplicate value: ${shown(value)}`,
  field,
});

export const notFoundValue = (field: string, value: unknown): FieldError => ({
  reason: 'FieldValueNotFound',
  message: `Not found: ${shown(value)}`,
  field,
});

/** `supported` is listed in the order given; kube-apiserver sorts it by name in most places. */
export const unsupportedValue = (field: string, value: unknown, supported: readonly string[]): FieldError => ({
  reason: 'FieldValueNotSupported',
  message: withDetail(
    `Unsupported value: ${shown(value)}`,
    supported.length > 0 ? `supported values: ${supported.map(goQuote).join(', ')}` : '',
  ),
  field,
});

/** `maxBytes` negative: the limit is not named. */
export const tooLongValue = (field: string, maxBytes: number): FieldError => ({
  reason: 'FieldValueTooLong',
  message: `Too long: ${maxBytes >= 0 ? `may not be more than ${maxBytes} byte${maxBytes === 1 ? '' : 's'}` : 'value is too long'}`,
  field,
});

export const tooManyValues = (field: string, actual: number, max: number): FieldError => ({
  reason: 'FieldValueTooMany',
  message: `Too many: ${actual}: must have at most ${max} item${max === 1 ? '' : 's'}`,
  field,
});

/** `spec.containers[0].name`, `metadata.labels[my.key]`: path of an index or of a map key. */
export const indexed = (field: string, index: number | string): string => `${field}[${index}]`;
