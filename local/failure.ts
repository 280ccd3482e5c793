// A failure that a person reads: one line that says what is wrong, one that says how to mend it.

export class Failure extends Error {
  readonly hint: string | undefined;
  readonly exitCode: number;

  constructor(message: string, hint?: string, exitCode = 1) {
    super(message);
    this.name = 'Failure';
    this.hint = hint;
    this.exitCode = exitCode;
  }
}

/** The last lines of a part's log file, indented, for the message of a part that died. */
export const tail = (text: string, lines = 5): string =>
  text
    .trimEnd()
    .split('\n')
    .slice(-lines)
    .map((line) => `    ${line}`)
    .join('\n');
