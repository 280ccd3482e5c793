// What a person types at a prompt: lines for a shell in which `kubectl` is the chosen kubectl and the context is the test's cluster.
import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type RunResult, run } from '../../local/run.ts';
import type { TestPlace } from './cluster.ts';

export class Shell {
  /** Where the lines run; empty at first. */
  readonly folder: string;
  readonly #env: NodeJS.ProcessEnv;

  /** `name` tells shells of one place apart; `kubectl` is a program file, by default the machine's own. */
  constructor(place: TestPlace, name: string, kubectl?: string) {
    this.folder = join(place.home, `shell-${name}`);
    mkdirSync(this.folder);
    const path = place.env['PATH'] ?? '';
    this.#env = { ...place.env, HOME: this.folder, TERM: 'dumb', PATH: kubectl ? `${this.folder}/bin:${path}` : path };
    if (!kubectl) return;
    mkdirSync(join(this.folder, 'bin'));
    symlinkSync(kubectl, join(this.folder, 'bin', 'kubectl'));
  }

  run(line: string): Promise<RunResult> {
    return run('bash', ['-o', 'pipefail', '-c', line], { env: this.#env, cwd: this.folder });
  }

  /** Output of a line that must succeed. */
  async ok(line: string): Promise<string> {
    const { code, stdout, stderr } = await this.run(line);
    assert.equal(code, 0, `${line}: exit code ${code}\n${stdout}${stderr}`);
    return stdout;
  }

  /**
   * Runs a line while an object is watched: it begins when the watch has shown the object, and is waited for until a state fits
   * `wanted` (for grep). Resolves to all states, a line each, in the order in which they were shown.
   */
  watching(what: string, jsonpath: string, line: string, wanted: string): Promise<string> {
    return this.ok(`
      shown() { for i in $(seq 1200); do grep -q "$1" seen && return; sleep 0.1; done; echo "never: $1"; cat seen; return 1; }
      kubectl get ${what} -w -o jsonpath='${jsonpath}{"\\n"}' > seen & watch=$!; trap 'kill $watch' EXIT
      shown '' && { ${line}; } >&2 && shown '${wanted}' && cat seen`);
  }

  /** What a line that must fail says to its user. */
  async refused(line: string): Promise<string> {
    const { code, stdout, stderr } = await this.run(line);
    assert.notEqual(code, 0, `${line} did not fail: ${stdout}${stderr}`);
    return stderr;
  }

  /** Each line and what it must print, whole. */
  async says(story: readonly (readonly [line: string, output: string])[]): Promise<void> {
    for (const [line, output] of story) assert.equal(await this.ok(line), `${output}\n`, line);
  }

  /**
   * Talks with a container: `word` goes to the line's standard input again and again until the output shows `heard`, then `last`, and
   * then the input ends. Once would not do: containerd hands on what comes in a moment before it hands on what goes out, so that
   * who answers at once and ends may not be heard (with kubelet just the same).
   */
  talk(line: string, word: string, heard: string, last = ''): Promise<RunResult> {
    return this.run(`
      rm -f said; touch said
      (until grep -q '${heard}' said; do echo '${word}'; sleep 0.2; done; printf '%s' '${last}') | timeout 200 ${line} > said
      code=$?; cat said; exit $code`);
  }
}
