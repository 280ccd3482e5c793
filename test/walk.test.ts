import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const root = new URL('../', import.meta.url);

const text = readFileSync(new URL('docs/walk.md', root), 'utf8');
const paths = [...text.matchAll(/`([a-z]+\/[a-z0-9/.-]+)`/g)].map((match) => match[1]!);

test('every path that docs/walk.md names is there', () => {
  assert.ok(paths.length > 15);
  assert.deepEqual(
    paths.filter((path) => !existsSync(new URL(path, root))),
    [],
  );
});

test('the walk on AWS comes by every function', () => {
  const functions = globSync('lambdas/*/handler.ts', { cwd: root }).map((path) => path.split(/[/\\]/)[1]!);
  assert.ok(functions.length >= 8);
  assert.deepEqual(
    functions.filter((name) => !paths.some((path) => path.startsWith(`lambdas/${name}/`))),
    [],
  );
});
