import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { clusterPaths } from '../state/paths.ts';
import { besideProxy } from './beside-proxy.ts';
import { removeFromRegistry } from './content.ts';
import { hostsToml, registryPaths } from './settings.ts';

test('a tag alone is taken out, and nothing outside the registry’s folder', () => {
  const home = mkdtempSync(join(tmpdir(), 'slipway-registry-'));
  try {
    const paths = clusterPaths('boat', { SLIPWAY_HOME: home });
    const { data, removed } = registryPaths(paths);
    const tags = join(data, 'docker/registry/v2/repositories/shop/web/_manifests/tags');
    for (const tag of ['1', '2']) mkdirSync(join(tags, tag), { recursive: true });
    mkdirSync(join(home, 'elsewhere/_manifests/tags/1'), { recursive: true });
    for (const reference of [
      'registry.slipway.internal/shop/web:3',
      'registry.slipway.internal/shop/web@sha256:00',
      'registry.slipway.internal/../../../../../../../elsewhere:1',
      'registry.slipway.internal/shop/web:..',
      'docker.io/shop/web:1',
    ])
      assert.equal(removeFromRegistry(paths, reference), false, reference);
    assert.equal(existsSync(removed), false);
    assert.equal(removeFromRegistry(paths, 'registry.slipway.internal/shop/web:1'), true);
    assert.deepEqual(
      [existsSync(join(tags, '1')), existsSync(join(tags, '2')), existsSync(removed)],
      [false, true, true],
    );
    assert.equal(existsSync(join(home, 'elsewhere/_manifests/tags/1')), true);
  } finally {
    rmSync(home, { recursive: true });
  }
});

test('nodes are told where the registry is, for pulling only', () => {
  const toml = hostsToml('10.64.0.1:5000');
  assert.match(toml, /^server = "http:\/\/10\.64\.0\.1:5000"$/m);
  assert.match(toml, /^\[host\."http:\/\/10\.64\.0\.1:5000"\]\n {2}capabilities = \["pull", "resolve"\]$/m);
});

test('a proxy is not asked for the registry, and what it was not asked for before stays', () => {
  assert.equal(besideProxy('10.64.0.1', {})['NO_PROXY'], '10.64.0.1');
  assert.equal(besideProxy('10.64.0.1', { no_proxy: 'a.example' })['NO_PROXY'], 'a.example,10.64.0.1');
});
