import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const root = new URL('../', import.meta.url);

test('every path that docs/walk.md names is there', () => {
  const text = readFileSync(new URL('docs/walk.md', root), 'utf8');
  const paths = [...text.matchAll(/`([a-z]+\/[a-z0-9/.-]+)`/g)].map((match) => match[1]!);
  assert.ok(paths.length > 15);
  assert.deepEqual(
    paths.filter((path) => !existsSync(new URL(path, root))),
    [],
  );
});
