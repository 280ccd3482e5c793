import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { Failure } from '../local/failure.ts';
import { Interrupted, report } from './report.ts';
import { mebibytes, table } from './table.ts';

const said = (error: unknown): { code: number; text: string } => {
  let text = '';
  const output = new Writable({
    write(chunk, _encoding, done) {
      text += chunk;
      done();
    },
  });
  return { code: report(error, output), text };
};

test('a failure is one line, a hint and its exit code; only a mistake of ours shows a stack', () => {
  assert.deepEqual(said(new Failure('it broke', 'mend it', 4)), {
    code: 4,
    text: 'slipway: it broke\n  hint: mend it\n',
  });
  assert.deepEqual(said(new Interrupted()), { code: 130, text: 'slipway: interrupted\n' });
  assert.match(said(new TypeError('oops')).text, /oops\n +at /);
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
