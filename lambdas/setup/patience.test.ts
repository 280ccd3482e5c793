import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StatusError } from '../../core/api/errors.ts';
import { patiently } from './patience.ts';

/** Work that fails so often, and a clock that only waiting moves. */
function failing(times: number, error: Error = new StatusError('ServiceUnavailable', 'the table is being made')) {
  let tries = 0;
  let remaining = 33_000;
  const work = async (): Promise<number> => {
    tries++;
    if (tries <= times) throw error;
    return tries;
  };
  const patience = {
    remainingMs: () => remaining,
    wait: async (milliseconds: number) => {
      remaining -= milliseconds;
    },
  };
  return { run: () => patiently(work, patience), tries: () => tries };
}

test('a store that does not answer at first is asked again', async () => {
  assert.equal(await failing(3).run(), 4);
});

test('what time is left for the answer is not spent', async () => {
  const { run, tries } = failing(100);
  await assert.rejects(run(), /the table is being made/);
  assert.equal(tries(), 5);
});

test('a right that is not known yet is waited for', async () => {
  const refused = Object.assign(new Error('no right to ssm:PutParameter'), { name: 'AccessDeniedException' });
  assert.equal(await failing(3, refused).run(), 4);
});

test('what waiting does not mend is not tried again', async () => {
  const { run, tries } = failing(100, new Error('the key is no key'));
  await assert.rejects(run(), /the key is no key/);
  assert.equal(tries(), 1);
});
