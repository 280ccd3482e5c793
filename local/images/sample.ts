// The sample image: Debian's static busybox and a web page, so that the first example runs where no registry can be reached.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ImageDescription } from '../../agent/images/oci-archive.ts';
import type { TarEntry } from '../../agent/images/tar.ts';
import { run, runOrFail } from '../run.ts';

/** What manifests say; containerd reads it as docker.io/slipway/sample:1, as any runtime does. */
export const sampleImage = 'slipway/sample:1';

const page = `<!doctype html>
<title>Slipway</title>
<h1>It floats.</h1>
<p>This page is served from a container that Slipway launched.
`;

// serves, and answers SIGTERM at once: as process 1 the web server alone would ignore it
const entry = `#!/bin/sh
trap 'kill "$server" 2>/dev/null; exit 0' TERM INT
echo "sample: pod \${HOSTNAME:-unknown} listens on port 8080"
httpd -f -v -p 8080 -h /www &
server=$!
wait "$server"
`;

const text = (value: string): Uint8Array => Buffer.from(value);

/** A shell and the usual tools, and the folders and users that programs expect. `applets`: the names under which busybox is called. */
export const toolFiles = (busybox: Uint8Array, applets: readonly string[]): TarEntry[] => [
  { path: 'bin', type: 'directory', mode: 0o755 },
  { path: 'bin/busybox', type: 'file', mode: 0o755, data: busybox },
  ...applets.map((applet): TarEntry => ({ path: `bin/${applet}`, type: 'symlink', target: 'busybox' })),
  { path: 'etc', type: 'directory', mode: 0o755 },
  {
    path: 'etc/passwd',
    type: 'file',
    mode: 0o644,
    data: text(
      'root:x:0:0:root:/root:/bin/sh\nnode:x:1000:1000:node:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n',
    ),
  },
  { path: 'etc/group', type: 'file', mode: 0o644, data: text('root:x:0:\nnode:x:1000:\nnobody:x:65534:\n') },
  { path: 'root', type: 'directory', mode: 0o700 },
  { path: 'tmp', type: 'directory', mode: 0o1777 },
];

export const sampleDescription = (busybox: Uint8Array, applets: readonly string[]): ImageDescription => ({
  reference: `docker.io/${sampleImage}`,
  files: [
    ...toolFiles(busybox, applets),
    { path: 'serve', type: 'file', mode: 0o755, data: text(entry) },
    { path: 'www', type: 'directory', mode: 0o755 },
    { path: 'www/index.html', type: 'file', mode: 0o644, data: text(page) },
  ],
  config: { Cmd: ['/serve'], Env: ['PATH=/bin'], ExposedPorts: { '8080/tcp': {} }, WorkingDir: '/' },
});

/** True for a program that needs no loader: no PT_INTERP among its program headers (elf(5)). */
export function isStatic(elf: Uint8Array): boolean {
  const view = new DataView(elf.buffer, elf.byteOffset, elf.byteLength);
  if (elf.length < 64 || view.getUint32(0) !== 0x7f454c46) return false;
  const table = Number(view.getBigUint64(32, true));
  const size = view.getUint16(54, true);
  const count = view.getUint16(56, true);
  return !Array.from({ length: count }, (_, i) => view.getUint32(table + i * size, true)).includes(3);
}

/**
 * The machine's busybox when it is the static one; otherwise Debian's package busybox-static is fetched and unpacked
 * (not installed: it would push out a package "busybox"). Throws Failure when it cannot be fetched.
 */
export async function findBusybox(): Promise<{ program: Uint8Array; applets: string[] }> {
  const own = ['/bin/busybox', '/usr/bin/busybox'].flatMap((path) => {
    try {
      const program = readFileSync(path);
      return isStatic(program) ? [{ path, program }] : [];
    } catch {
      return [];
    }
  })[0];
  if (own) return { program: own.program, applets: await appletsOf(own.path) };
  const folder = mkdtempSync(join(tmpdir(), 'slipway-busybox-'));
  try {
    await download('busybox-static', folder);
    const archive = readdirSync(folder).find((name) => name.endsWith('.deb'))!;
    await runOrFail('dpkg-deb', ['-x', archive, 'root'], { cwd: folder });
    const path = ['bin/busybox', 'usr/bin/busybox']
      .map((name) => join(folder, 'root', name))
      .find((name) => isStaticFile(name))!;
    return { program: readFileSync(path), applets: await appletsOf(path) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Fetches a package's archive; once more after an update, since a fresh machine has no package lists. */
async function download(name: string, folder: string): Promise<void> {
  const args = ['download', '-q', name];
  if ((await run('apt-get', args, { cwd: folder })).code === 0) return;
  await run('apt-get', ['update', '-q']);
  await runOrFail('apt-get', args, { cwd: folder });
}

function isStaticFile(path: string): boolean {
  try {
    return isStatic(readFileSync(path));
  } catch {
    return false;
  }
}

async function appletsOf(path: string): Promise<string[]> {
  const { stdout } = await run(path, ['--list']);
  return stdout.split('\n').filter((name) => name !== '' && name !== 'busybox');
}
