// What a person sees while something is made: one line a step, with its time. Steps may run side by side.

export interface Progress {
  /** Runs a step and shows it when it is done; its result is passed on. A step may say more about itself in the end. */
  step<T>(label: string, work: (note: (text: string) => void) => Promise<T>): Promise<T>;
  /** A line of its own. */
  say(text: string): void;
}

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;

const columns = 52;

/** On a terminal, colours and a line that says what is being worked on; elsewhere plain lines. */
export function terminalProgress(output: NodeJS.WriteStream): Progress {
  const tty = output.isTTY === true && process.env['TERM'] !== 'dumb';
  const colour = tty && !process.env['NO_COLOR'];
  const paint = (code: number, text: string): string => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
  const running: string[] = [];
  const clear = (): void => {
    if (tty && running.length > 0) output.write('\r\u001b[2K');
  };
  const showRunning = (): void => {
    if (tty && running.length > 0)
      output.write(paint(2, `  ${running.join(', ')} ...`.slice(0, (output.columns ?? 80) - 1)));
  };
  const line = (text: string, change: () => void = () => {}): void => {
    clear();
    output.write(`${text}\n`);
    change();
    showRunning();
  };
  return {
    say: (text) => line(text),
    async step(label, work) {
      const start = performance.now();
      let detail = '';
      clear();
      running.push(label);
      showRunning();
      const finish = (mark: string): void => {
        const text = detail ? `${label} (${detail})` : label;
        clear();
        running.splice(running.indexOf(label), 1);
        output.write(`${mark} ${text.padEnd(columns)} ${paint(2, seconds(performance.now() - start).padStart(8))}\n`);
        showRunning();
      };
      try {
        const result = await work((text) => {
          detail = text;
        });
        finish(paint(32, '✓'));
        return result;
      } catch (error) {
        finish(paint(31, '✗'));
        throw error;
      }
    },
  };
}
