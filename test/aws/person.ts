// Somebody who follows a guide: gives its commands one after the other, word for word, and leaves out none.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { root } from '../emulator/emulator.ts';
import type { GuideCommand } from './guide.ts';
import { leftToPutIn, type Substitution, substituted } from './substitutions.ts';

/** What `npx` finds in the project, for Node. */
const programs: Record<string, string[]> = {
  cdk: [join(root, 'node_modules/aws-cdk/bin/cdk')],
  node: [],
  slipway: [join(root, 'cli/slipway.js')],
};

export interface PersonOptions {
  /** In order. */
  commands: readonly GuideCommand[];
  substitutions: readonly Substitution[];
  /** For a command. */
  environment(argv: readonly string[]): Promise<NodeJS.ProcessEnv>;
  /** What has to stand before a command for it to be given here. */
  wrap?(argv: readonly string[]): readonly string[];
  /** Why a command cannot be given to this emulator; undefined when it can. */
  unable?(text: string): string | undefined;
}

export interface Following {
  /** It goes on until this is true of what it wrote, and is then interrupted. */
  until?(output: string): boolean;
  /** What is done before it is interrupted. */
  meanwhile?(): Promise<void>;
}

/** No command takes longer, on a machine that does much else. */
const patienceMs = 400_000;

export class Person {
  /** Commands that were left out, each with the reason. */
  readonly leftOut: string[] = [];
  readonly #options: PersonOptions;
  #next = 0;
  #last: readonly string[] = [];

  constructor(options: PersonOptions) {
    this.#options = options;
  }

  /** The next command of the guide, which begins so; throws an Error with its own words when it fails. Resolves to what it wrote. */
  async follow(beginning: string, following: Following = {}): Promise<string> {
    const command = this.#take();
    assert.ok(command, `the guide goes on with a command that begins with "${beginning}"`);
    assert.ok(
      command.text.startsWith(beginning),
      `${command.at} says "${command.text}" where the story expects "${beginning} ..."`,
    );
    const text = substituted(command.text, this.#options.substitutions);
    assert.deepEqual(leftToPutIn(text), [], `${command.at}: what stands for these is not known`);
    this.#last = argumentsOf(text);
    return await this.#give(this.#last, command.at, following);
  }

  /** The last command once more. */
  again = (): Promise<string> => this.#give(this.#last, 'again', {});

  /** The commands that have not been given yet. */
  get left(): string[] {
    this.#passOver();
    return this.#options.commands.slice(this.#next).map(({ at, text }) => `${at} ${text}`);
  }

  #take(): GuideCommand | undefined {
    this.#passOver();
    return this.#options.commands[this.#next++];
  }

  #passOver(): void {
    const { commands, unable = () => undefined } = this.#options;
    for (; this.#next < commands.length; this.#next++) {
      const { at, text } = commands[this.#next]!;
      const why = unable(text);
      if (why === undefined) return;
      this.leftOut.push(`${at} ${text}: ${why}`);
    }
  }

  async #give(given: readonly string[], at: string, { until, meanwhile }: Following): Promise<string> {
    const { environment, wrap = (argv) => argv } = this.#options;
    // It ends with this process, however that ends.
    const child = spawn('setpriv', ['--pdeathsig', 'TERM', ...wrap(given)], {
      cwd: root,
      env: await environment(given),
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    let output = '';
    let isEnough = false;
    let done: Promise<void> | undefined;
    const end = (): void => {
      // It may have ended meanwhile.
      if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid!, 'SIGTERM');
    };
    const hear = (piece: Buffer): void => {
      output += piece.toString();
      if (isEnough || !until?.(output)) return;
      isEnough = true;
      clearTimeout(timer);
      done = Promise.resolve(meanwhile?.()).finally(end);
      // It is heard of when the command has ended.
      done.catch(() => undefined);
    };
    const timer = setTimeout(end, patienceMs);
    for (const stream of [child.stdout, child.stderr]) stream.on('data', hear);
    const code = await new Promise<number | null>((resolve, reject) =>
      child.once('error', reject).once('close', resolve),
    );
    clearTimeout(timer);
    await done;
    if (!isEnough) {
      assert.equal(code, 0, `${at} ${given.join(' ')}: exit code ${code}\n${output.slice(-6_000)}`);
      assert.ok(
        !until,
        `${at} ${given.join(' ')} ended before it had said what was waited for:\n${output.slice(-6_000)}`,
      );
    }
    return output;
  }
}

/** Without a shell: the guide's commands need none. */
export function argumentsOf(text: string): string[] {
  assert.doesNotMatch(text, /[|&;<>$`'"\\*]/, 'a command of the guide needs a shell');
  const [first = '', ...rest] = text.split(/\s+/);
  if (first !== 'npx') return [first, ...rest];
  const [name = '', ...args] = rest;
  const program = programs[name];
  assert.ok(program, `npx ${name}: there is no such program`);
  return [process.execPath, ...program, ...args];
}
