import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { cniChain, containerdToml } from './config.ts';
import { which } from './programs.ts';

const toml = containerdToml({
  root: '/data/root',
  state: '/run/state',
  socket: '/run/containerd.sock',
  cni: '/data/cni',
  cniPlugins: '/usr/lib/cni',
  runc: '/usr/sbin/runc',
  pauseImage: 'localhost/pause:1',
  registries: '/data/registries',
  appArmor: false,
  lowerScores: false,
});

test('pods without host ports go through the bridge alone, others through portmap too', () => {
  assert.match(
    toml,
    /runtimes\.runc\]\nruntime_type = "io\.containerd\.runc\.v2"\ncni_conf_dir = "\/data\/cni\/bridge"/,
  );
  assert.match(
    toml,
    /runtimes\.hostport\]\nruntime_type = "io\.containerd\.runc\.v2"\ncni_conf_dir = "\/data\/cni\/hostport"/,
  );
  const network = { name: 'n', range: '10.64.17.0/24', leases: '/run/leases' };
  const types = (hostPort: boolean): string[] =>
    (JSON.parse(cniChain(network, hostPort)) as { plugins: { type: string }[] }).plugins.map((plugin) => plugin.type);
  assert.deepEqual(types(false), ['bridge']);
  assert.deepEqual(types(true), ['bridge', 'portmap']);
});

test('containerd itself understands the file and takes what it says', {
  skip: which('containerd') === undefined,
}, () => {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-toml-'));
  try {
    const file = join(folder, 'config.toml');
    writeFileSync(file, toml);
    const { status, stdout, stderr } = spawnSync('containerd', ['-c', file, 'config', 'dump'], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    for (const line of [
      'sandbox_image = "localhost/pause:1"',
      'netns_mounts_under_state_dir = true',
      'restrict_oom_score_adj = true',
    ]) {
      assert.ok(stdout.includes(line), line);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
