import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ociArchive } from './oci-archive.ts';
import { tar } from './tar.ts';

const unpacked = (archive: Uint8Array, look: (folder: string) => void): void => {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-tar-'));
  try {
    writeFileSync(join(folder, 'a.tar'), archive);
    const { status, stderr } = spawnSync('tar', ['-xf', 'a.tar'], { cwd: folder, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    look(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
};

const entries = [
  { path: 'bin', type: 'directory', mode: 0o755 },
  { path: 'bin/tool', type: 'file', mode: 0o755, data: Buffer.alloc(700, 'x') },
  { path: 'bin/link', type: 'symlink', target: 'tool' },
  { path: 'empty', type: 'file', mode: 0o600, data: Buffer.alloc(0) },
] as const;

test('what is written into an archive is what tar takes out of it', () => {
  unpacked(tar(entries), (folder) => {
    assert.equal(readFileSync(join(folder, 'bin/tool'), 'utf8'), 'x'.repeat(700));
    assert.equal(statSync(join(folder, 'bin/tool')).mode & 0o777, 0o755);
    assert.equal(readlinkSync(join(folder, 'bin/link')), 'tool');
    assert.equal(statSync(join(folder, 'empty')).size, 0);
  });
});

test('a path too long for the header is refused, not cut off', () => {
  assert.throws(() => tar([{ path: 'x'.repeat(101), type: 'directory', mode: 0o755 }]), RangeError);
});

test('an image archive leads from its index over the manifest to blobs that carry their own digests', () => {
  const archive = ociArchive({ reference: 'localhost/a/b:1', files: entries, config: { Cmd: ['/bin/tool'] } });
  unpacked(archive, (folder) => {
    const blob = (digest: string): Buffer => {
      const data = readFileSync(join(folder, 'blobs/sha256', digest.replace('sha256:', '')));
      assert.equal(`sha256:${createHash('sha256').update(data).digest('hex')}`, digest);
      return data;
    };
    const index = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8'));
    assert.equal(index.manifests[0].annotations['io.containerd.image.name'], 'localhost/a/b:1');
    const manifest = JSON.parse(blob(index.manifests[0].digest).toString());
    const config = JSON.parse(blob(manifest.config.digest).toString());
    assert.deepEqual(config.rootfs.diff_ids, [manifest.layers[0].digest]);
    assert.deepEqual(config.config.Cmd, ['/bin/tool']);
    assert.equal(blob(manifest.layers[0].digest).length, manifest.layers[0].size);
  });
});

test('the same image gives the same bytes', () => {
  const image = { reference: 'localhost/a:1', files: entries, config: {} };
  assert.deepEqual(ociArchive(image), ociArchive(image));
});
