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

/** Every start of a part writes such a line into its log. */
export const startMark = '--- ';

/** The last lines since the last start of a part in its log file, indented, for the message of a part that died. */
export const tail = (text: string, lines = 5): string =>
  text
    .slice(text.lastIndexOf(startMark))
    .replace(/^--- .*\n/, '')
    .trimEnd()
    .split('\n')
    .slice(-lines)
    .map((line) => `    ${line}`)
    .join('\n');
