// Short stable hashes for names: FNV-1a of canonical JSON, written in the letters that Kubernetes uses for generated names
// (no vowels and no look-alikes).

const alphabet = 'bcdfghjklmnpqrstvwxz2456789';

/** 32-bit FNV-1a of the text's UTF-8 bytes, continued from `seed`. */
export function fnv1a(text: string, seed = 0x811c9dc5): number {
  let hash = seed;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** JSON with sorted keys and without absent values: equal values give equal texts. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value ?? null);
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined && field !== null)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, field]) => `${JSON.stringify(key)}:${canonicalJson(field)}`);
  return `{${fields.join(',')}}`;
}

/** The decimal digits of a hash as safe letters: `pod-template-hash` looks like this. */
export const safeDigits = (hash: number): string => [...String(hash)].map((digit) => alphabet[Number(digit)]).join('');

/** `length` safe letters from a text. */
export function safeLetters(text: string, length: number): string {
  let letters = '';
  let hash = fnv1a(text);
  for (let i = 0; i < length; i++) {
    letters += alphabet[hash % alphabet.length];
    hash = fnv1a(String(i), hash);
  }
  return letters;
}
