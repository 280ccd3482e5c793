// The control plane as a process: how it refuses to start, and how it ends.
import assert from 'node:assert/strict';
import { readdir, readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { exitCodes } from '../../local/config.ts';
import { openDatabase } from '../../local/lmdb/open.ts';
import { adminClient, ControlPlaneProcess } from './control-plane-process.ts';

const configMaps = { group: '', version: 'v1', plural: 'configmaps' };
const secrets = { group: '', version: 'v1', plural: 'secrets' };

async function withPlane(body: (plane: ControlPlaneProcess) => Promise<void>, changes = {}): Promise<void> {
  const plane = await ControlPlaneProcess.make(changes);
  try {
    await body(plane);
  } finally {
    await plane.dispose();
  }
}

test('a port in use is said so, with an exit code of its own', async () => {
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
  const { port } = holder.address() as { port: number };
  await withPlane(
    async (plane) => {
      await plane.spawn();
      const { code, stderr } = await plane.exited;
      assert.equal(code, exitCodes.portInUse);
      assert.match(stderr, new RegExp(`127\\.0\\.0\\.1:${port} is in use by another program`));
    },
    { listen: [{ host: '127.0.0.1', port }] },
  );
  holder.close();
});

test('two control planes on one data directory: the second is refused', () =>
  withPlane(async (first) => {
    await first.start();
    await withPlane(
      async (second) => {
        await second.spawn();
        const { code, stderr } = await second.exited;
        assert.equal(code, exitCodes.dataDirectoryInUse);
        assert.match(stderr, /is in use by another Slipway process/);
      },
      { dataDirectory: first.config.dataDirectory },
    );
  }));

test('a data directory of a newer version is refused', () =>
  withPlane(async (plane) => {
    const { tables, close } = await openDatabase(join(plane.config.dataDirectory, 'store'));
    await tables.meta.put('format', 1_000);
    await close();
    await plane.spawn();
    const { code, stderr } = await plane.exited;
    assert.equal(code, exitCodes.dataDirectoryNewer);
    assert.match(stderr, /written by a newer Slipway/);
  }));

test('a configuration that lacks something names it', () =>
  withPlane(
    async (plane) => {
      await plane.spawn();
      const { code, stderr } = await plane.exited;
      assert.equal(code, exitCodes.configuration);
      assert.match(stderr, /"serviceCidr" is missing/);
    },
    { serviceCidr: undefined },
  ));

test('SIGTERM ends watches cleanly, removes its files, and the next start goes on where it ended', () =>
  withPlane(async (plane) => {
    const ready = await plane.start();
    const { client, close } = adminClient(ready);
    const { resourceVersion } = await client.list(configMaps, { namespace: 'default' });
    const events = client.watch(configMaps, resourceVersion, { namespace: 'default' })[Symbol.asyncIterator]();
    const first = events.next();
    const made = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'kept', namespace: 'default' },
      data: { a: 'b' },
    };
    const created = await client.create(configMaps, made);
    assert.deepEqual(await first, { done: false, value: { type: 'ADDED', object: created } });
    const rest = (async () => {
      for (let next = await events.next(); !next.done; next = await events.next()) {
        assert.equal(next.value.type, 'BOOKMARK');
      }
    })();
    const { code } = await plane.end('SIGTERM');
    assert.equal(code, 0);
    // An end that was not clean would throw here.
    await rest;
    close();
    await assert.rejects(stat(plane.config.readyFile), /ENOENT/);
    await assert.rejects(stat(plane.config.pidFile), /ENOENT/);
    const again = adminClient(await plane.start());
    assert.deepEqual(await again.client.get(configMaps, { namespace: 'default', name: 'kept' }), created);
    again.close();
  }));

test('what it keeps is readable by its owner only, and secrets are not readable there at all', () =>
  withPlane(async (plane) => {
    const { client, close } = adminClient(await plane.start());
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's', namespace: 'default' },
      stringData: { p: 'swordfish' },
    };
    await client.create(secrets, secret);
    const stored = await client.get(secrets, { namespace: 'default', name: 's' });
    assert.deepEqual(stored['data'], { p: btoa('swordfish') });
    await client.delete(secrets, { namespace: 'default', name: 's' });
    close();
    const { dataDirectory } = plane.config;
    for (const entry of await readdir(dataDirectory, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      assert.equal((await stat(path)).mode & 0o077, 0, path);
      if (!entry.isFile()) continue;
      const content = await readFile(path);
      assert.ok(!content.includes('swordfish') && !content.includes(btoa('swordfish')), path);
    }
  }));
