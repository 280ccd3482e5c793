import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { standardServerNames } from '../core/api/cluster-certificates.ts';
import type { Pki } from './pki.ts';
import { ensurePki, keyFile } from './pki.ts';

const dayMs = 86_400_000;
const names = [...standardServerNames('cluster.local', '10.96.0.1'), '10.90.0.1'];

async function inDirectory(
  body: (make: (changes?: object) => Promise<Pki>, directory: string) => Promise<void>,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'slipway-pki-'));
  const options = { directory, clusterName: 'test', serverNames: names, nowMs: Date.now() };
  try {
    await body((changes = {}) => ensurePki({ ...options, ...changes }), directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

test('certificates are signed by the authority and carry their names and groups', () =>
  inDirectory(async (make) => {
    const pki = await make();
    const authority = new X509Certificate(pki.ca.certificate);
    const [server, admin, nodeClient] = [pki.server, pki.admin, pki.nodeClient].map(
      (pair) => new X509Certificate(pair.certificate),
    );
    for (const leaf of [server!, admin!, nodeClient!]) {
      assert.ok(leaf.verify(authority.publicKey));
      assert.equal(leaf.ca, false);
    }
    for (const name of ['localhost', 'kubernetes', 'kubernetes.default.svc.cluster.local'])
      assert.equal(server!.checkHost(name), name);
    for (const address of ['127.0.0.1', '10.96.0.1', '10.90.0.1']) assert.equal(server!.checkIP(address), address);
    assert.deepEqual(admin!.subject.split('\n').sort(), ['CN=kubernetes-admin', 'O=system:masters']);
    assert.match(nodeClient!.subject, /CN=kube-apiserver-kubelet-client/);
    assert.deepEqual(server!.keyUsage, ['1.3.6.1.5.5.7.3.1']);
    assert.deepEqual(admin!.keyUsage, ['1.3.6.1.5.5.7.3.2']);
  }));

test('a second start finds everything as it was', () =>
  inDirectory(async (make) => assert.deepEqual(await make(), await make())));

test('files are readable by their owner only', () =>
  inDirectory(async (make, directory) => {
    await make();
    for (const file of readdirSync(directory)) assert.equal(statSync(join(directory, file)).mode & 0o777, 0o600, file);
  }));

test('a certificate that runs out soon is made anew, the authority and the token key stay', () =>
  inDirectory(async (make) => {
    const before = await make();
    const after = await make({ nowMs: Date.now() + 330 * dayMs });
    assert.notEqual(after.server.certificate, before.server.certificate);
    assert.notEqual(after.admin.certificate, before.admin.certificate);
    assert.equal(after.ca.certificate, before.ca.certificate);
    assert.equal(after.serviceAccountKey, before.serviceAccountKey);
  }));

test('a new address to listen on gets the API another certificate', () =>
  inDirectory(async (make) => {
    const before = await make();
    const after = await make({ serverNames: [...names, '10.91.0.1'] });
    assert.notEqual(after.server.certificate, before.server.certificate);
    assert.equal(after.admin.certificate, before.admin.certificate);
  }));

test('a key that does not belong to its certificate, as a cut-off start leaves it, is mended', () =>
  inDirectory(async (make, directory) => {
    const before = await make();
    writeFileSync(keyFile(directory, 'apiserver'), before.admin.key);
    const after = await make();
    assert.notEqual(after.server.certificate, before.server.certificate);
    assert.deepEqual(await make(), after);
  }));
