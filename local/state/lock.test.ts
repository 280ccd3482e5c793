// Two commands that both find the lock of one that died: real processes, stopped where it matters.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { lock } from './lock.ts';
import { type ClusterPaths, clusterPaths } from './paths.ts';

const home = mkdtempSync(join(tmpdir(), 'slipway-lock-'));
after(() => rmSync(home, { recursive: true }));

/** Takes the lock, but says "about" and waits for a byte before it first changes what stands there; then keeps what it has. */
const program = `
  import fs from 'node:fs';
  import { syncBuiltinESMExports } from 'node:module';
  const [name, home, modules] = process.argv.slice(1);
  const { clusterPaths } = await import(modules + 'paths.ts');
  const paths = clusterPaths(name, { SLIPWAY_HOME: home });
  const say = (line) => fs.writeSync(1, line + '\\n');
  const wait = () => fs.readSync(0, Buffer.alloc(1));
  let first = true;
  for (const call of ['rmSync', 'renameSync']) {
    const real = fs[call];
    fs[call] = (...args) => {
      if (first && args.includes(paths.lock)) {
        first = false;
        say('about');
        wait();
      }
      return real(...args);
    };
  }
  syncBuiltinESMExports();
  const { lock } = await import(modules + 'lock.ts');
  try {
    lock(paths);
    say('held');
  } catch (error) {
    say(error.message);
  }
  wait();
`;

interface Command {
  child: ChildProcess;
  says(): Promise<string>;
  goOn(): void;
  die(): Promise<void>;
}

function command(name: string): Command {
  const modules = new URL('./', import.meta.url).href;
  const args = ['--input-type=module', '--eval', program, name, home, modules];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  return {
    child,
    says: async () => (await lines.next()).value ?? 'nothing',
    goOn: () => void child.stdin!.write('x'),
    die: async () => {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
}

function deadLock(name: string): ClusterPaths {
  const paths = clusterPaths(name, { SLIPWAY_HOME: home });
  mkdirSync(paths.dir, { recursive: true });
  writeFileSync(paths.lock, JSON.stringify({ pid: process.pid, started: 'another start' }));
  return paths;
}

test('of two commands that find a dead lock one takes it over', async (t) => {
  const paths = deadLock('two');
  const other = command('two');
  t.after(() => other.die());
  assert.equal(await other.says(), 'about');
  let own: (() => void) | undefined;
  try {
    own = lock(paths);
  } catch (error) {
    assert.match((error as Error).message, new RegExp(`another slipway command \\(pid ${other.child.pid}\\)`));
  }
  other.goOn();
  const answer = await other.says();
  assert.equal(own === undefined, answer === 'held', `this one ${own ? 'holds' : 'was refused'}, the other: ${answer}`);
});

test('a command that died as it took over stands in nobody’s way', async (t) => {
  const paths = deadLock('dies');
  const other = command('dies');
  t.after(() => other.child.kill('SIGKILL'));
  assert.equal(await other.says(), 'about');
  await other.die();
  const unlock = lock(paths);
  assert.throws(() => lock(paths), new RegExp(`another slipway command \\(pid ${process.pid}\\)`));
  unlock();
  const left = readdirSync(paths.dir).filter((name) => !name.endsWith(`.${other.child.pid}`));
  assert.deepEqual(left, []);
});

test('who lets go of a lock that is no longer its own leaves it alone', () => {
  const paths = clusterPaths('purged', { SLIPWAY_HOME: home });
  const unlock = lock(paths);
  rmSync(paths.dir, { recursive: true });
  const theirs = { pid: 1, started: 'theirs' };
  mkdirSync(paths.dir);
  writeFileSync(paths.lock, JSON.stringify(theirs));
  unlock();
  assert.deepEqual(readdirSync(paths.dir), ['lock']);
});
