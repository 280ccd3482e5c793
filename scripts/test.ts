// npm test: the gate (types, style, unused code, tidy, unit, contract, simulation), then the store on DynamoDB Local, then
// end to end with real containers.
// npm run ok: the gate only. Each stage says how long it took; the first that fails ends the run with its exit code.
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = (name: string) => `${root}node_modules/.bin/${name}`;
const environment = { ...process.env, PATH: `${root}node_modules/.bin:${process.env['PATH'] ?? ''}` };

interface Stage {
  name: string;
  command: string;
  arguments: string[];
}

const tests = (name: string, patterns: string[], reporter = 'dot', extra: string[] = []): Stage => ({
  name,
  command: process.execPath,
  arguments: [
    '--test',
    // Of a test, and of a file: a machine that does much else may take long.
    '--test-timeout=1800000',
    `--test-reporter=${reporter}`,
    ...extra,
    ...globSync(patterns, { cwd: root }).sort(),
  ],
});

// DynamoDB Local takes a download and a Java of its own: not for the gate.
const dynamoContract = 'test/contract/dynamodb.test.ts';
const contractTests = globSync('test/contract/*.test.ts', { cwd: root }).filter((path) => path !== dynamoContract);

const gate: Stage[] = [
  { name: 'types', command: bin('tsc'), arguments: ['--noEmit'] },
  { name: 'style', command: bin('biome'), arguments: ['check', '--error-on-warnings'] },
  { name: 'unused', command: bin('knip'), arguments: [] },
  // What is pure shares one process: it needs a third of the processor time of a process for each file.
  tests('core', ['core/**/*.test.ts'], 'dot', ['--test-isolation=none']),
  tests('unit', [
    '{host,agent,local,cli,aws,lambdas,infra,worker,examples}/**/*.test.ts',
    'test/*.test.ts',
    'test/conformance/*.test.ts',
  ]),
  tests('contract', contractTests),
  tests('model', ['test/model/*.test.ts']),
  tests('simulation', ['test/simulation/*.test.ts']),
  tests('golden', ['test/golden/**/*.test.ts', 'test/differential/*.test.ts']),
];
const emulator: Stage[] = [tests('emulator', [dynamoContract, 'test/emulator/*.test.ts'])];
// One at a time: each brings up a cluster of its own.
const endToEnd: Stage[] = [tests('e2e', ['test/{integration,e2e}/*.test.ts'], 'spec', ['--test-concurrency=1'])];
// The app deployed to emulators of AWS. What a machine lacks for one of them is told by a skip with its reason.
const onEmulators: Stage[] = [tests('aws', ['test/aws/*.test.ts'], 'spec', ['--test-concurrency=1'])];

const stages = process.argv.includes('--gate') ? gate : [...gate, ...emulator, ...endToEnd, ...onEmulators];
for (const stage of stages) {
  if (stage.arguments[0] === '--test' && stage.arguments.at(-1)?.startsWith('--')) continue;
  const began = performance.now();
  const { status, signal } = spawnSync(stage.command, stage.arguments, {
    cwd: root,
    stdio: 'inherit',
    env: environment,
  });
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(`${status === 0 ? 'ok  ' : 'FAIL'} ${stage.name.padEnd(12)} ${seconds} s`);
  if (status !== 0) {
    if (signal) console.log(`${stage.name} was ended by ${signal}`);
    process.exit(status ?? 1);
  }
}
