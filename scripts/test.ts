// npm test: the gate (types, style, unused code, tidy, unit, contract, simulation), then the store on DynamoDB Local, then
// end to end with real containers.
// npm run ok: the gate only. Each stage says how long it took; the first that fails ends the run with its exit code.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
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

const ends = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
let interrupted: NodeJS.Signals | undefined;

/**
 * Runs a stage to its end. It is the first of a process group of its own, to which each signal goes that would end this process: its test
 * files are processes, too, and end with it. What tests have put on the machine is cleared up behind them (test/guard.ts).
 */
async function play(stage: Stage): Promise<{ status: number | null; signal: NodeJS.Signals | null }> {
  const child = spawn(stage.command, stage.arguments, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: environment,
    detached: true,
  });
  const forward = (signal: NodeJS.Signals): void => {
    interrupted = signal;
    if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid!, signal);
  };
  for (const signal of ends) process.on(signal, forward);
  const [status, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  for (const one of ends) process.off(one, forward);
  return { status, signal };
}

const stages = process.argv.includes('--gate') ? gate : [...gate, ...emulator, ...endToEnd, ...onEmulators];
for (const stage of stages) {
  if (stage.arguments[0] === '--test' && stage.arguments.at(-1)?.startsWith('--')) continue;
  const began = performance.now();
  const { status, signal } = await play(stage);
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(`${status === 0 && !interrupted ? 'ok  ' : 'FAIL'} ${stage.name.padEnd(12)} ${seconds} s`);
  const endedBy = interrupted ?? signal;
  if (status !== 0 || endedBy) {
    if (endedBy) console.log(`${stage.name} was ended by ${endedBy}`);
    process.exit(status || 1);
  }
}
