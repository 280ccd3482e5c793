// Makes the worker's bundle: one file for Node 24, arm64 and x86_64 alike, with its source map inside. The stack uploads it, workers
// fetch it by the version that its content gives it: npm run bundle:agent [FOLDER].
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { bundleName } from './settings.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

export interface Bundle {
  file: string;
  /** Version of the package and the beginning of the content's hash: what is the same has the same version. */
  version: string;
  /** Hex, of the file. */
  sha256: string;
  bytes: number;
}

/** Throws esbuild's own error. */
export async function buildBundle(folder: string): Promise<Bundle> {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, bundleName);
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: ['worker/main.ts'],
    // names in the source map are relative to this place: the content, and so the version, is the same wherever it is written
    outfile: join(root, bundleName),
    write: false,
    preserveSymlinks: true,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    minify: true,
    // names in stacks and logs
    keepNames: true,
    sourcemap: 'inline',
    sourcesContent: false,
    legalComments: 'none',
    logLevel: 'warning',
  });
  const content = outputFiles[0]!.contents;
  writeFileSync(file, content);
  const sha256 = createHash('sha256').update(content).digest('hex');
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  return { file, version: `${version}-${sha256.slice(0, 12)}`, sha256, bytes: content.length };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { file, version, sha256, bytes } = await buildBundle(process.argv[2] ?? join(root, 'dist.worker'));
  process.stdout.write(`${file}\n${version} ${sha256} ${(bytes / 1e6).toFixed(2)} MB\n`);
}
