import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { Failure } from '../local/failure.ts';
import { Interrupted, report } from './report.ts';
import { mebibytes, table } from './table.ts';

const said = (error: unknown, cluster?: string): { code: number; text: string } => {
  let text = '';
  const output = new Writable({
    write(chunk, _encoding, done) {
      text += chunk;
      done();
    },
  });
  return { code: report(error, cluster, output), text };
};

test('a failure is one line, a hint and its exit code; only a mistake of ours shows a stack', () => {
  assert.deepEqual(said(new Failure('it broke', 'mend it', 4)), {
    code: 4,
    text: 'slipway: it broke\n  hint: mend it\n',
  });
  assert.deepEqual(said(new Interrupted()), { code: 130, text: 'slipway: interrupted\n' });
  assert.match(said(new TypeError('oops')).text, /oops\n +at /);
});

test('what a hint says to type is about the cluster at hand, not about the default one', () => {
  const hint = (text: string, cluster: string): string =>
    said(new Failure('x', text), cluster).text.replace(/^.*\n {2}hint: (.*)\n$/s, '$1');
  const purge = 'use another --name, or remove this one with: slipway down --purge';
  assert.equal(hint(purge, 'two'), 'use another --name, or remove this one with: slipway down --name two --purge');
  assert.equal(hint(purge, 'slipway'), purge);
  assert.equal(
    hint('take one out with: slipway node rm NAME', 'two'),
    'take one out with: slipway node rm --name two NAME',
  );
  const other = 'stop that one: SLIPWAY_HOME=/h slipway down --name two';
  assert.equal(hint(other, 'two'), other);
  assert.equal(hint('slipway doctor says what is missing', 'two'), 'slipway doctor says what is missing');
});

test('nobody listening any more is no mistake', async () => {
  const main = new URL('main.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [main, '--help'], { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.destroy();
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const [code] = await once(child, 'close');
  assert.deepEqual([said, code], ['', 0]);
});

test('what the system refuses is told with a hint and without a stack', () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', syscall: 'write' });
  assert.match(said(full).text, /^slipway: ENOSPC: no space left on device, write\n {2}hint: make room/);
});

test('columns are aligned and lines have no blanks at their ends', () => {
  assert.equal(
    table([
      ['A', 'B'],
      ['long', ''],
      ['x', 'y'],
    ]),
    'A     B\nlong\nx     y\n',
  );
  assert.equal(mebibytes(3 * 1024 * 1024), '3 MiB');
});
