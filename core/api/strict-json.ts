// Request bodies: JSON and YAML to values, with the keys that were given more than once, and errors in the words of the
// parsers of kube-apiserver. JSON.parse does the work; the scanner runs only when something is wrong or repeated.
import { goQuote } from './field-errors.ts';
import { JsonError, JsonScanner, maxDepth, type ParsedBody, tooDeep } from './json-scanner.ts';

export { JsonError, type ParsedBody } from './json-scanner.ts';
export { type ParsedYaml, parseYaml, YamlError } from './strict-yaml.ts';

/** Number of keys in the text: colons outside strings. Throws JsonError when it is too deep. */
function keysInText(text: string): number {
  let count = 0;
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x3a) count++;
    else if (code === 0x7b || code === 0x5b) {
      if (++depth > maxDepth) throw new JsonError(tooDeep);
    } else if (code === 0x7d || code === 0x5d) depth--;
    else if (code === 0x22) {
      i++;
      for (; i < text.length; i++) {
        const inside = text.charCodeAt(i);
        if (inside === 0x5c) i++;
        else if (inside === 0x22) break;
      }
    }
  }
  return count;
}

function keysInValue(root: unknown): number {
  let count = 0;
  const todo: unknown[] = [root];
  while (todo.length > 0) {
    const value = todo.pop();
    if (typeof value !== 'object' || value === null) continue;
    const items = Object.values(value);
    if (!Array.isArray(value)) count += items.length;
    for (const item of items) if (typeof item === 'object' && item !== null) todo.push(item);
  }
  return count;
}

/** Throws JsonError. */
export function parseJson(text: string): ParsedBody {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof RangeError)) throw error;
    return new JsonScanner(text).document();
  }
  return keysInText(text) === keysInValue(value) ? { value } : new JsonScanner(text).document();
}

const maxDuplicates = 100;

/** `duplicate field "data.a"` for each key that stands twice in its object, in the order of the text. For values without a schema. */
export function duplicateFields({ value, repeated }: ParsedBody): string[] {
  const found = new Set<string>();
  const walk = (at: unknown, path: string): void => {
    if (typeof at !== 'object' || at === null || found.size >= maxDuplicates) return;
    const isList = Array.isArray(at);
    const seen = new Set<string>();
    for (const [key, item] of repeated?.get(at) ?? Object.entries(at)) {
      const below = isList ? `${path}[${key}]` : path ? `${path}.${key}` : key;
      if (seen.has(key)) found.add(`duplicate field ${goQuote(below)}`);
      seen.add(key);
      walk(item, below);
    }
  };
  if (repeated?.size) walk(value, '');
  return [...found];
}
