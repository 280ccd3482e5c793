// The app as the CDK's command line runs it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { BUNDLING_STACKS } from 'aws-cdk-lib/cx-api';

const app = fileURLToPath(new URL('app.ts', import.meta.url));

test('a command that looks at no code finds the stack, and does not wait for bundles', () => {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-app-'));
  try {
    const CDK_CONTEXT_JSON = JSON.stringify({ stack: 'shop', [BUNDLING_STACKS]: [] });
    // Without esbuild's program nothing can be bundled.
    const without = { ESBUILD_BINARY_PATH: '/nowhere', CDK_VALIDATION: 'false' };
    const env = { ...process.env, CDK_OUTDIR: folder, CDK_CONTEXT_JSON, ...without };
    const { status, stderr } = spawnSync(process.execPath, [app], { env, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    const template = JSON.parse(readFileSync(join(folder, 'shop.template.json'), 'utf8')) as { Resources: object };
    assert.ok(Object.keys(template.Resources).length > 50);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
