// Scalar values as Go's decoder takes them and writes them again. undefined: not a value of that type.

import { canonicalQuantity, QuantityError } from '../quantity.ts';
import { parseMicroTime, parseTime } from './times.ts';

const maxInt32 = 2 ** 31 - 1;
const minInt32 = -(2 ** 31);
const maxInt64 = 2 ** 63;

/** JSON integers; a double holds them exactly up to 2^53. */
export const asInt32 = (value: unknown): number | undefined =>
  Number.isInteger(value) && (value as number) <= maxInt32 && (value as number) >= minInt32
    ? (value as number) + 0
    : undefined;

export const asInt64 = (value: unknown): number | undefined =>
  Number.isInteger(value) && (value as number) < maxInt64 && (value as number) >= -maxInt64
    ? (value as number) + 0
    : undefined;

/** The canonical text, or the error in Go's words. */
export function asQuantity(value: string | number): { text: string } | { error: string } {
  const text = String(value).trim();
  try {
    return { text: canonicalQuantity(text) };
  } catch (error) {
    if (error instanceof QuantityError) return { error: error.message };
    throw error;
  }
}

const base64Text = /^[A-Za-z0-9+/]*={0,2}$/;
const base64Alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Canonical base64: without line breaks, unused bits zero. The error is Go's. */
export function asBase64(text: string): { text: string } | { error: string } {
  const bare = /[\r\n]/.test(text) ? text.replace(/[\r\n]/g, '') : text;
  if (bare.length % 4 !== 0 || !base64Text.test(bare))
    return { error: `illegal base64 data at input byte ${wrongByte(text)}` };
  const padding = bare.endsWith('==') ? 2 : bare.endsWith('=') ? 1 : 0;
  if (padding === 0) return { text: bare };
  const at = bare.length - padding - 1;
  const last = base64Alphabet.indexOf(bare[at]!);
  const used = last & (padding === 2 ? 0b110000 : 0b111100);
  return { text: last === used ? bare : bare.slice(0, at) + base64Alphabet[used] + bare.slice(at + 1) };
}

function wrongByte(text: string): number {
  let quantum = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    if (char === '\n' || char === '\r') continue;
    if (char === '=' && quantum % 4 >= 2) {
      const rest = text.slice(i + 1).replace(/[\r\n]/g, '');
      if (quantum % 4 === 2 && !rest.startsWith('=')) return rest === '' ? text.length : i;
      return i + (quantum % 4 === 2 ? 2 : 1);
    }
    if (!base64Alphabet.includes(char)) return i;
    quantum++;
  }
  return text.length - (quantum % 4);
}

/** The normalised text, '' for the zero time, undefined when it cannot be parsed. */
export const asTime = (value: string): string | undefined => {
  const parsed = parseTime(value);
  return 'text' in parsed ? parsed.text : undefined;
};

export const asMicroTime = (value: string): string | undefined => {
  const parsed = parseMicroTime(value);
  return 'text' in parsed ? parsed.text : undefined;
};
