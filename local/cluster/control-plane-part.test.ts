// What is said of a control plane that does not come up.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { clusterPaths } from '../state/paths.ts';
import { startDetached, terminate } from '../state/processes.ts';
import type { ClusterSpec } from '../state/spec.ts';
import { untilReady } from './control-plane-part.ts';

test('a port in use is blamed when the control plane has died, not when it lives and is slow', async (t) => {
  const home = mkdtempSync(join(tmpdir(), 'slipway-control-plane-'));
  t.after(() => rmSync(home, { recursive: true }));
  const paths = clusterPaths('slow', { SLIPWAY_HOME: home });
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const spec = { port } as ClusterSpec;
  const ref = startDetached(['sleep', '600'], join(home, 'log'));
  const { signal } = new AbortController();
  await assert.rejects(untilReady(paths, spec, ref, signal, 0), /the control plane did not come up/);
  await terminate([ref], 60_000);
  await assert.rejects(
    untilReady(paths, spec, ref, signal, 0),
    /port \d+ on 127\.0\.0\.1 is in use by another program/,
  );
});
