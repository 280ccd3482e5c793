// Field selectors: `metadata.name=web,status.phase!=Running`. Which labels a kind supports is the kind's affair.
// Follows https://kubernetes.io/docs/concepts/overview/working-with-objects/field-selectors/
import { SelectorError } from './selector-tokens.ts';

export interface FieldRequirement {
  readonly field: string;
  readonly operator: '=' | '!=';
  readonly value: string;
}

/** All must hold; [] selects everything. */
export type FieldSelector = readonly FieldRequirement[];

/** Commas split, except behind a backslash, which stays for unescape. */
function splitTerms(text: string): string[] {
  const terms: string[] = [];
  let start = 0;
  let escaped = false;
  for (let i = 0; i < text.length; i++) {
    if (escaped) escaped = false;
    else if (text[i] === '\\') escaped = true;
    else if (text[i] === ',') {
      terms.push(text.slice(start, i));
      start = i + 1;
    }
  }
  terms.push(text.slice(start));
  return terms;
}

function unescapeValue(text: string): string {
  if (!/[\\,=]/.test(text)) return text;
  let value = '';
  let escaped = false;
  for (const char of text) {
    if (escaped) {
      if (char !== '\\' && char !== ',' && char !== '=') {
        throw new SelectorError(`invalid field selector: invalid escape sequence: \\${char}`);
      }
      value += char;
      escaped = false;
    } else if (char === '\\') {
      escaped = true;
    } else if (char === ',' || char === '=') {
      throw new SelectorError(`invalid field selector: unescaped character in value: ${char.codePointAt(0)}`);
    } else {
      value += char;
    }
  }
  if (escaped) throw new SelectorError('invalid field selector: invalid escape sequence: \\');
  return value;
}

/** Writes a value so that parseFieldSelector reads it back. */
export const escapeFieldValue = (value: string): string => value.replace(/[\\,=]/g, (char) => `\\${char}`);

/** Throws SelectorError in apimachinery's words. Terms are sorted; empty ones are left out. */
export function parseFieldSelector(text: string): FieldSelector {
  const requirements: FieldRequirement[] = [];
  for (const term of splitTerms(text).sort()) {
    if (term === '') continue;
    const parts = /^(.*?)(!=|==|=)(.*)$/s.exec(term);
    if (!parts) throw new SelectorError(`invalid selector: '${text}'; can't understand '${term}'`);
    const value = unescapeValue(parts[3]!);
    if (parts[1] === '' && value === '') continue;
    requirements.push({ field: parts[1]!, operator: parts[2] === '!=' ? '!=' : '=', value });
  }
  return requirements;
}

/** A field that the object does not have counts as ''. */
export function matchesFields(selector: FieldSelector, fields: Readonly<Record<string, string>>): boolean {
  for (const { field, operator, value } of selector) {
    const actual = Object.hasOwn(fields, field) ? fields[field] : '';
    if ((actual === value) !== (operator === '=')) return false;
  }
  return true;
}

export const formatFieldSelector = (selector: FieldSelector): string =>
  selector.map(({ field, operator, value }) => `${field}${operator}${escapeFieldValue(value)}`).join(',');
