// That LocalStack in a container is the LocalStack that runs as a process. What is pure of it; the stories of test/aws run it.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { load } from 'js-yaml';
import { root } from './emulator.ts';
import { composeValues, containerEnvironment, containerLacks, containerProgram } from './localstack-container.ts';
import { settings } from './localstack-settings.ts';

interface Mount {
  source: string;
  target: string;
  read_only?: boolean;
}

const file = readFileSync(new URL('compose.yaml', import.meta.url), 'utf8');
const place = { port: 4566, folder: '/tmp/slipway-localstack-here' };
const values = composeValues('localstack/localstack:4.14.0', place.folder);
/** As `docker compose` reads it: `$$` is a dollar, what is in ${} comes from the environment. */
const read = file.replace(/\$\{(\w+)\}|\$\$/g, (_, name?: string) => (name ? (values[name] ?? `no ${name}`) : '$'));
const { services } = load(read) as { services: { localstack: Record<string, unknown> } };
const service = services.localstack;

test('the container has the settings of the process, but for where programs are and where Python may write', () => {
  const process_ = settings({ ...place, path: '/usr/bin' });
  const container = containerEnvironment(place);
  const differ = Object.keys({ ...process_, ...container }).filter((name) => process_[name] !== container[name]);
  assert.deepEqual(differ.filter((name) => name !== 'LOCALSTACK_AUTH_TOKEN').sort(), [
    'PYTHONPYCACHEPREFIX',
    'SLIPWAY_PATH',
    'XDG_CACHE_HOME',
  ]);
});

test('every setting is handed over', () => {
  const { args } = containerProgram('localstack/localstack:4.14.0', place);
  const handedOver = args.flatMap((argument, i) => (args[i - 1] === '--env' ? [argument] : []));
  const wanted = Object.entries(containerEnvironment(place)).map(([name, value]) => `${name}=${value}`);
  assert.deepEqual(handedOver, wanted);
  assert.equal(args.at(-1), 'localstack');
});

test('compose.yaml asks for nothing that is not given, and each value is used', () => {
  const asked = new Set([...file.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name));
  assert.deepEqual([...asked].sort(), Object.keys(values).sort());
});

test('the container has no engine, no port of its own, and one folder that it may write', () => {
  const mounts = service['volumes'] as Mount[];
  assert.deepEqual(
    mounts.map(({ source, target, read_only }) => [source, target, read_only ?? false]),
    [
      [root, root, true],
      [process.execPath, process.execPath, true],
      [place.folder, place.folder, false],
    ],
  );
  assert.equal(service['network_mode'], 'host');
  assert.equal(service['ports'], undefined);
});

/** A docker of our own in front of the path: a shell script that is handed the arguments. */
function withDocker(context: TestContext, script: string): void {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-docker-'));
  writeFileSync(join(folder, 'docker'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const path = process.env['PATH'];
  process.env['PATH'] = `${folder}:${path}`;
  context.after(() => {
    process.env['PATH'] = path;
    rmSync(folder, { recursive: true });
  });
}

const linux = { skip: process.platform === 'linux' ? false : 'the container way is for Linux' };
const cases = [
  {
    name: 'no engine',
    script: 'exit 1',
    lacks: 'no Docker engine answers',
    fetched: false,
  },
  {
    name: 'no compose plugin',
    script: '[ "$1" = info ]',
    lacks: 'docker has no compose plugin',
    fetched: false,
  },
  {
    name: 'an image that is neither there nor to be had',
    script: 'case "$1" in info | compose) ;; image) exit 1 ;; pull) echo "no route to $3" >&2; exit 1 ;; esac',
    lacks: 'an/image:1 cannot be fetched (no route to an/image:1)',
    fetched: true,
  },
  {
    name: 'an image that is fetched',
    script: 'case "$1" in info | compose | pull) ;; *) exit 1 ;; esac',
    lacks: undefined,
    fetched: true,
  },
  { name: 'an image that is there', script: '[ "$1" != pull ]', lacks: undefined, fetched: false },
];
for (const { name, script, lacks, fetched } of cases) {
  test(`what a container lacks: ${name}`, linux, async (context) => {
    withDocker(context, script);
    const said: string[] = [];
    assert.equal(await containerLacks('an/image:1', (what) => said.push(what)), lacks);
    assert.deepEqual(said, fetched ? ['an/image:1 is fetched, once'] : []);
  });
}
