// $(VAR) in commands, arguments and environment: https://kubernetes.io/docs/tasks/inject-data-application/define-command-argument-container/

/** Replaces `$(NAME)` by its value; `$$` is one `$`; a name that is not known stays as it is written. */
export function expand(text: string, values: ReadonlyMap<string, string>): string {
  let out = '';
  for (let i = 0; i < text.length; i++) {
    if (text[i] !== '$' || i + 1 === text.length) {
      out += text[i];
      continue;
    }
    if (text[i + 1] === '$') {
      out += '$';
      i++;
      continue;
    }
    const end = text[i + 1] === '(' ? text.indexOf(')', i + 2) : -1;
    if (end < 0) {
      out += '$';
      continue;
    }
    const name = text.slice(i + 2, end);
    out += values.get(name) ?? `$(${name})`;
    i = end;
  }
  return out;
}

/** For subPathExpr: a name that is not known is an error. */
export function expandStrictly(text: string, values: ReadonlyMap<string, string>): string {
  for (const [, name] of text.matchAll(/\$\(([^)]*)\)/g)) {
    if (!values.has(name!)) throw new Error(`missing value for "${name}"`);
  }
  return expand(text, values);
}
