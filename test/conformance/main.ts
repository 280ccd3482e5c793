// npm run conformance [-- [REGEX] [--all] [--procs N] [--kubeconfig FILE] [--images DIR] [--out DIR] [--write]]
// Starts a cluster of two nodes (or takes the one of --kubeconfig), runs the conformance tests whose names match, prints the result by SIG.
// Without an expression, what is known to wait for something that is not built is left out (some of it waits for many minutes); --all runs it.
// --write puts it into docs/conformance.md; with a regular expression that matches nothing, only the page is written anew.
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { program } from '../peer/build.ts';
import { pageOf, readEvidence, readPage, reasonOf } from './page.ts';
import { conformanceNames, focusOn, type Outcome, readReport, type SpecResult, table } from './report.ts';

const clusterName = 'conformance';
const page = fileURLToPath(new URL('../../docs/conformance.md', import.meta.url));
const slipwayMain = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    procs: { type: 'string', default: '4' },
    kubeconfig: { type: 'string' },
    images: { type: 'string', default: process.env['CONFORMANCE_IMAGES'] ?? '' },
    out: { type: 'string', default: mkdtempSync(join(tmpdir(), 'slipway-conformance-')) },
    names: { type: 'string' },
    nodes: { type: 'string', default: '2' },
    all: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
});

function slipway(...words: string[]): void {
  const done = spawnSync(process.execPath, [slipwayMain, ...words], { stdio: 'inherit' });
  if (done.status !== 0) throw new Error(`slipway ${words.join(' ')} ended with exit code ${done.status}`);
}

function startCluster(kubeconfig: string): void {
  slipway('up', '--name', clusterName, '--nodes', options.nodes, '--kubeconfig', kubeconfig);
  if (!options.images) return;
  for (const file of readdirSync(options.images).filter((name) => name.endsWith('.tar'))) {
    slipway('image', 'load', join(options.images, file), '--name', clusterName);
  }
}

const known = readPage(existsSync(page) ? readFileSync(page, 'utf8') : '');
const evidence = readEvidence();
const waits = (name: string): boolean => known.get(name) !== 'passed' && reasonOf(evidence, name) !== undefined;

/** The names asked for: a file of names, a regular expression, all, or those that may pass. */
function chosen(): string[] {
  const all = conformanceNames();
  if (options.names) {
    const wanted = new Set(readFileSync(options.names, 'utf8').split('\n'));
    return all.filter((name) => wanted.has(name));
  }
  if (positionals[0] !== undefined) return all.filter((name) => new RegExp(positionals[0]!).test(name));
  return options.all ? all : all.filter((name) => !waits(name));
}

function runSuite(kubeconfig: string, names: string[]): SpecResult[] {
  mkdirSync(options.out, { recursive: true });
  const suite = [
    '--provider=skeleton',
    `--kubeconfig=${kubeconfig}`,
    `--kubectl-path=${program('kubectl')}`,
    '--disable-log-dump',
    '--dump-logs-on-failure=false',
    '--allowed-not-ready-nodes=-1',
    '--minStartupPods=0',
    '--node-schedulable-timeout=30s',
    '--system-daemonsets-startup-timeout=1s',
  ];
  const runner = [
    `--procs=${options.procs}`,
    '--timeout=3h',
    '--no-color',
    '-v',
    '--output-interceptor-mode=none',
    '--poll-progress-after=0',
    '--keep-going',
  ];
  const report = ['--json-report=report.json', `--output-dir=${options.out}`];
  const log = openSync(join(options.out, 'suite.log'), 'w');
  console.log(
    `${names.length} tests, ${options.procs} at a time; ${join(options.out, 'suite.log')} shows how far they are`,
  );
  const words = ['run', ...runner, ...report, `--focus=${focusOn(names)}`, program('e2e.test'), '--', ...suite];
  const ended = spawnSync(program('ginkgo'), words, { stdio: ['ignore', log, log], cwd: options.out });
  closeSync(log);
  const file = join(options.out, 'report.json');
  if (!existsSync(file))
    throw new Error(`the suite wrote no report (exit code ${ended.status}); see ${join(options.out, 'suite.log')}`);
  return readReport(readFileSync(file, 'utf8'));
}

const names = chosen();
const listed = positionals.length > 0 || options.names ? names : conformanceNames();
const kubeconfig = options.kubeconfig ?? join(options.out, 'kubeconfig');
const own = !options.kubeconfig && names.length > 0;
try {
  if (own) startCluster(kubeconfig);
  const results = names.length > 0 ? runSuite(kubeconfig, names) : [];
  for (const result of results.filter((r) => r.outcome === 'failed')) {
    console.log(`FAILED ${result.name} (${result.seconds.toFixed(0)} s)\n       ${result.message}`);
  }
  const outcomes = new Map<string, Outcome>(results.map((r) => [r.name, r.outcome]));
  console.log(`\n${table(listed, outcomes)}\n\nreport: ${options.out}`);
  if (options.write) {
    writeFileSync(page, pageOf(conformanceNames(), new Map([...known, ...outcomes]), evidence));
  }
} finally {
  if (own) slipway('down', '--name', clusterName, '--purge');
}
