import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { assertGolden } from '../test/golden-file.ts';
import type { WorkerSettings } from './settings.ts';
import { userData, userDataSteps } from './user-data.ts';

const settings: WorkerSettings = {
  cluster: 'shop',
  region: 'eu-central-1',
  parameters: '/slipway/shop',
  labels: { team: "it's us" },
};

test('the script is what was read and found right', () => {
  assertGolden('worker/user-data', userData(settings).split('\n'));
});

test('bash takes it, also with what stands for a value that is known at deployment only', () => {
  const token = { ...settings, parameters: ['/slipway/$', '{Token[TOKEN.123]}'].join(''), region: "eu'; reboot; '" };
  for (const script of [userData(settings), userData(token)]) {
    const { status, stderr } = spawnSync('bash', ['-n'], { input: script, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  }
  const line = userData(token)
    .split('\n')
    .find((text) => text.startsWith('region='))!;
  const { stdout } = spawnSync('bash', ['-c', `${line}\nprintf %s "$region"`], { encoding: 'utf8' });
  assert.equal(stdout, token.region);
});

test('it is far below the 16 KB that EC2 takes', () => {
  assert.ok(userData(settings).length < 8192);
});

interface Ran {
  root: string;
  /** Runs steps as the script does; the exit code. */
  run(steps: string[]): { status: number | null; stderr: string };
  /** What the parameter names, with this content behind it. */
  offer(version: string, content: string, claimed?: string): void;
}

/** Steps in a folder of their own, with an `aws` that gives what the test offers. */
function inFolder(look: (ran: Ran) => void): void {
  const root = mkdtempSync(join(tmpdir(), 'slipway-user-data-'));
  const bin = join(root, 'bin');
  mkdirSync(bin);
  writeFileSync(
    join(bin, 'aws'),
    `#!/bin/sh\ncase "$1 $2" in\n'ssm get-parameter') cat "$STAND/line" ;;\n's3 cp') for last; do :; done; cp "$STAND/content" "$last" ;;\n*) exit 9 ;;\nesac\n`,
    { mode: 0o755 },
  );
  const steps = userDataSteps(settings, root);
  const run: Ran['run'] = (names) => {
    const bodies = steps.map(({ name, body }) => `${name}() {\n${body}\n}`).join('\n');
    const head = `set -Eeuo pipefail\nregion='${settings.region}'\nparameters='${settings.parameters}'\n`;
    const env = { PATH: `${bin}:${process.env['PATH']}`, STAND: root };
    return spawnSync('bash', ['-c', `${head}${bodies}\n${names.join('\n')}`], { env, encoding: 'utf8' });
  };
  const offer: Ran['offer'] = (version, content, claimed) => {
    writeFileSync(join(root, 'content'), content);
    const sha256 = claimed ?? createHash('sha256').update(content).digest('hex');
    writeFileSync(join(root, 'line'), `${version} s3://assets/${version}.cjs ${sha256}\n`);
  };
  try {
    look({ root, run, offer });
  } finally {
    rmSync(root, { recursive: true });
  }
}

test('its steps write the settings, fetch the bundle, check it, and do the same again without harm', () =>
  inFolder(({ root, run, offer }) => {
    offer('1.0.0-abc', 'the bundle');
    for (let i = 0; i < 2; i++) {
      const { status, stderr } = run(['write_settings', 'fetch_bundle']);
      assert.equal(status, 0, stderr);
      assert.deepEqual(JSON.parse(readFileSync(`${root}/etc/slipway/worker.json`, 'utf8')), settings);
      assert.equal(readlinkSync(`${root}/opt/slipway/current`), 'versions/1.0.0-abc');
      assert.equal(readFileSync(`${root}/opt/slipway/current/slipway-worker.cjs`, 'utf8'), 'the bundle');
    }
    // a machine that has a version keeps it: its own update decides (worker/update)
    offer('1.0.1-def', 'the next bundle');
    assert.equal(run(['fetch_bundle']).status, 0);
    assert.equal(readlinkSync(`${root}/opt/slipway/current`), 'versions/1.0.0-abc');
  }));

test('a step that fails is tried again from its beginning, and in the end the script fails and says so', () => {
  const script = userData(settings);
  const insist = script.slice(script.indexOf('insist() {'), script.indexOf('write_settings() {'));
  const run = (failures: number) =>
    spawnSync(
      'bash',
      [
        '-c',
        `set -euo pipefail\ncount=$(mktemp)\ntrap 'rm "$count"' EXIT
sleep() { :; }
step() { echo x >> "$count"; false; echo 'this must not be reached'; }
[ ${failures} = 9 ] || step() { echo x >> "$count"; [ "$(wc -l < "$count")" -gt ${failures} ]; }
${insist.replace('/dev/console', '/dev/null')}
insist step
echo done after "$(wc -l < "$count")"`,
      ],
      { encoding: 'utf8' },
    );
  assert.match(run(2).stdout, /done after 3/);
  const failed = run(9);
  assert.equal(failed.status, 1);
  assert.match(failed.stdout, /did not become a worker: step failed/);
  assert.doesNotMatch(failed.stdout, /must not be reached/);
});

test('a bundle that is not what the parameter says ends the step and is not installed', () =>
  inFolder(({ root, run, offer }) => {
    offer('1.0.0-abc', 'something else', 'a'.repeat(64));
    const { status, stderr } = run(['fetch_bundle']);
    assert.notEqual(status, 0);
    assert.match(stderr, /checksum/);
    assert.throws(() => readlinkSync(`${root}/opt/slipway/current`), /ENOENT/);
    offer('1.0.0-abc', 'the bundle');
    assert.equal(run(['fetch_bundle']).status, 0);
  }));
