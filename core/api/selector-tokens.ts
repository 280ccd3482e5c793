// The words and signs of a label selector string.

/** A selector that does not parse or holds invalid keys or values; the message is apimachinery's. */
export class SelectorError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'SelectorError';
  }
}

export interface SelectorToken {
  kind: 'word' | 'in' | 'notin' | '(' | ')' | ',' | '!' | '=' | '==' | '!=' | '>' | '<' | 'end';
  text: string;
}

const signs = new Set(['(', ')', ',', '!', '=', '==', '!=', '>', '<']);
const space = /[ \t\r\n]/;
const special = /[=!(),<>]/;

/** Takes signs greedily: the longest known sign wins, what follows it starts anew. */
function scanSign(text: string, start: number): { token: SelectorToken; end: number } {
  let end = start;
  let known = '';
  while (end < text.length && special.test(text[end]!)) {
    const run = text.slice(start, end + 1);
    if (signs.has(run)) known = run;
    else if (known !== '') break;
    end++;
  }
  const token: SelectorToken = { kind: known as SelectorToken['kind'], text: known };
  return { token, end };
}

/** Always ends with an `end` token. A NUL character ends the text, as in the reference. */
export function scanSelector(source: string): SelectorToken[] {
  const nul = source.indexOf('\0');
  const text = nul < 0 ? source : source.slice(0, nul);
  const tokens: SelectorToken[] = [];
  let at = 0;
  while (at < text.length) {
    const char = text[at]!;
    if (space.test(char)) {
      at++;
    } else if (special.test(char)) {
      const { token, end } = scanSign(text, at);
      tokens.push(token);
      at = end;
    } else {
      const start = at;
      while (at < text.length && !special.test(text[at]!) && !space.test(text[at]!)) at++;
      const word = text.slice(start, at);
      tokens.push({ kind: word === 'in' || word === 'notin' ? word : 'word', text: word });
    }
  }
  tokens.push({ kind: 'end', text: '' });
  return tokens;
}
