// The rules of the tree that no tool knows: who may import whom, what core may not touch, how long a file may be.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const sources = globSync('{core,host,agent,local,cli,aws,lambdas,infra,worker}/**/*.ts', { cwd: root })
  .filter((path) => !path.endsWith('.gen.ts'))
  .sort();
const isTest = (path: string) => path.endsWith('.test.ts');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

/** Folder (longest prefix wins) to the folders that it may import besides itself. */
const allowed: Record<string, string[]> = {
  'core/ports.ts': [],
  'core/api': ['core/ports.ts'],
  'core/store': ['core/api', 'core/ports.ts'],
  'core/client': ['core/api', 'core/ports.ts'],
  'core/scheduler': ['core/api', 'core/client', 'core/ports.ts'],
  'core/kubelet': ['core/api', 'core/ports.ts'],
  'core/controllers': ['core/api', 'core/client', 'core/ports.ts'],
  'core/apiserver': ['core/api', 'core/store', 'core/ports.ts'],
  'core/hosting': ['core/api', 'core/apiserver', 'core/client', 'core/store', 'core/ports.ts'],
  agent: ['core/api', 'core/client', 'core/kubelet', 'core/ports.ts', 'aws'],
  host: ['core', 'package.json'],
  local: ['core', 'agent', 'host'],
  cli: ['core/api', 'core/client', 'core/ports.ts', 'local', 'aws', 'scripts'],
  aws: ['core/api', 'core/store', 'core/ports.ts'],
  lambdas: ['core', 'aws', 'host'],
  infra: [
    'core/api/errors.ts',
    'core/api/names.ts',
    'host/require-in-modules.ts',
    'aws/names.ts',
    'aws/worker-capacity.ts',
    'aws/dynamo/schema.ts',
    'worker/user-data.ts',
    'worker/bundle.ts',
    'package.json',
  ],
  worker: ['core/api', 'core/client', 'core/ports.ts', 'agent', 'aws'],
};

const importPattern = /(?:^|\n)\s*(?:import|export)\s[^'";]*?from\s+'([^']+)'|import\('([^']+)'\)/g;

function importsOf(path: string): string[] {
  return [...read(path).matchAll(importPattern)].map((match) => (match[1] ?? match[2])!);
}

function ownerOf(path: string): string | undefined {
  return Object.keys(allowed)
    .filter((prefix) => path === prefix || path.startsWith(`${prefix}/`))
    .sort((a, b) => b.length - a.length)[0];
}

test('imports follow the map of ARCHITECTURE.md', () => {
  const wrong: string[] = [];
  for (const path of sources.filter((p) => !isTest(p))) {
    const owner = ownerOf(path);
    for (const name of importsOf(path)) {
      if (!name.startsWith('.')) {
        if (path.startsWith('core/') && name.startsWith('node:')) wrong.push(`${path} imports ${name}`);
        if (name.startsWith('@aws-sdk/') && !path.startsWith('aws/')) wrong.push(`${path} imports ${name}`);
        continue;
      }
      const target = relative(root, join(root, dirname(path), name));
      if (!owner) continue;
      const fits = [owner, ...allowed[owner]!].some((prefix) => target === prefix || target.startsWith(`${prefix}/`));
      if (!fits) wrong.push(`${path} imports ${target}`);
    }
  }
  assert.deepEqual(wrong, []);
});

/** What only a host may touch; core is handed ports instead. */
const banned = [
  /\bDate\.now\(/,
  /\bnew Date\(\)/,
  /\bMath\.random\(/,
  /\brandomUUID\(/,
  /\bgetRandomValues\(/,
  /\bset(?:Timeout|Interval|Immediate)\(/,
  /\bprocess\./,
  /\bconsole\./,
];

test('core touches no clock, no timer, no randomness, no process', () => {
  const wrong: string[] = [];
  for (const path of sources.filter((p) => p.startsWith('core/') && !isTest(p))) {
    const lines = read(path).split('\n');
    for (const [index, line] of lines.entries()) {
      if (/^\s*(\/\/|\*|\/\*)/.test(line)) continue;
      for (const pattern of banned) if (pattern.test(line)) wrong.push(`${path}:${index + 1} ${pattern.source}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test('names of files are kebab-case, exports are named', () => {
  const wrong = sources.filter((path) => !/^[a-z0-9/.-]+$/.test(path) || /\bexport default\b/.test(read(path)));
  assert.deepEqual(wrong, []);
});

/** A file that passes this does more than one thing. Tables of data may be longer. */
const longestFile = 400;

test(`no file of code or tests is longer than ${longestFile} lines`, () => {
  const others = globSync('{test,bench,scripts,examples}/**/*.{ts,js}', { cwd: root });
  const wrong = [...sources, ...others]
    .map((path) => ({ path, lines: read(path).split('\n').length }))
    .filter(({ lines }) => lines > longestFile);
  assert.deepEqual(wrong, []);
});

test('nothing is left open in the code', () => {
  const open = new RegExp(`\\b(${['TO', 'DO'].join('')}|${['FIX', 'ME'].join('')}|${['X', 'XX'].join('')})\\b`);
  const files = globSync(
    '{core,host,agent,local,cli,aws,lambdas,infra,worker,test,bench,scripts,examples,docs}/**/*.{ts,js,md,yaml}',
    { cwd: root },
  );
  assert.deepEqual(
    files.filter((path) => open.test(read(path))),
    [],
  );
});
