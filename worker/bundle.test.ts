import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { buildBundle } from './bundle.ts';
import { paths } from './settings.ts';

const folder = mkdtempSync(join(tmpdir(), 'slipway-bundle-'));
after(() => rmSync(folder, { recursive: true }));
const bundle = await buildBundle(join(folder, 'a'));

const run = (...args: string[]) => spawnSync(process.execPath, [bundle.file, ...args], { encoding: 'utf8' });

test('the bundle starts, and says what is wrong with what it is given', () => {
  const help = run('--help');
  assert.equal(help.status, 0, help.stderr);
  assert.match(help.stdout, /^usage: slipway-worker COMMAND/);
  for (const args of [[], ['dance'], ['run', '--root'], ['run', 'x']])
    assert.equal(run(...args).status, 2, String(args));
  const root = join(folder, 'root');
  mkdirSync(dirname(root + paths.settings), { recursive: true });
  assert.match(run('run', '--root', root).stderr, /^slipway-worker: ENOENT.*worker\.json/);
  writeFileSync(root + paths.settings, JSON.stringify({ cluster: 'c', region: 'r' }));
  assert.match(run('run', '--root', root).stderr, /^slipway-worker: .*worker\.json: "parameters" is missing\n$/);
  writeFileSync(root + paths.settings, JSON.stringify({ cluster: 'c', region: 'r', parameters: '/p' }));
  writeFileSync(
    root + paths.agentConfig,
    JSON.stringify({
      clusterName: 'c',
      nodeName: 'n',
      apiUrl: 'http://example.com',
      caFile: 'x',
      stateDir: 'x',
      cgroupRoot: 'x',
      address: '1.2.3.4',
      port: 1,
    }),
  );
  assert.match(run('run', '--root', root).stderr, /"apiUrl" must be an https:\/\/ address\n$/);
});

test('the same sources make the same version wherever it is built, and name nothing of this machine', async () => {
  const again = await buildBundle(join(folder, 'b', 'c'));
  assert.deepEqual({ ...again, file: '' }, { ...bundle, file: '' });
  assert.match(bundle.version, /^\d+\.\d+\.\d+-[0-9a-f]{12}$/);
  const text = readFileSync(bundle.file, 'utf8');
  const map = JSON.parse(
    Buffer.from(/sourceMappingURL=data:application\/json;base64,(\S+)/.exec(text)![1]!, 'base64').toString(),
  ) as { sources: string[] };
  assert.ok(map.sources.includes('agent/sync.ts'));
  assert.deepEqual(
    map.sources.filter((source) => source.startsWith('..') || source.startsWith('/')),
    [],
  );
});
