// Two connections joined: what was said before an end arrives, and nobody is left alone with the other's half.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { join } from './splice.ts';

/** One end of a connection whose other end takes what is sent when the test says so. */
class Line extends Duplex {
  readonly took: string[] = [];
  #waiting: (() => void) | undefined;

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#waiting = () => {
      this.took.push(chunk.toString());
      this.#waiting = undefined;
      done();
    };
  }

  deliver(): void {
    this.#waiting?.();
  }

  /** Says its last words and hangs up. */
  async leave(words: string): Promise<void> {
    this.push(words);
    this.push(null);
    this.end();
    await once(this, 'close');
  }
}

test('a slow reader gets everything that was said before the other side hung up', async () => {
  const reader = new Line();
  const speaker = new Line();
  join(reader, speaker);
  await speaker.leave('the last words');
  assert.equal(reader.destroyed, false);
  assert.deepEqual(reader.took, []);

  reader.deliver();
  await once(reader, 'finish');
  assert.deepEqual(reader.took, ['the last words']);
});

test('what a reader says after the other side hung up is read, so that closing does not reset its connection', async () => {
  const reader = new Line();
  const speaker = new Line();
  join(reader, speaker);
  await speaker.leave('bye');
  reader.push('are you there?');
  reader.push(null);
  reader.deliver();
  await once(reader, 'close');
  assert.equal(reader.readableLength, 0);
});

test('a side that breaks off takes the other one with it', async () => {
  const left = new Line();
  const right = new Line();
  join(left, right);
  left.push('unheard');
  right.destroy();
  await once(left, 'close');

  const gone = new Line().destroy();
  const late = new Line();
  join(late, gone);
  assert.equal(late.destroyed, true);
});
