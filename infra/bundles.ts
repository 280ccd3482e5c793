// The functions' bundles. CDK's NodejsFunction would start npx and esbuild for each of them, one after the other, which takes longer
// than everything else in a synthesis.
import { globSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build } from 'esbuild';
import { requireInModules } from '../host/require-in-modules.ts';
import { packedTables, prunedShapes } from './bundle-plugins.ts';
import { type FunctionName, functionNames } from './function-shapes.ts';
import type { WorkerBundle } from './stack.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Folder of each function's code, whose handler is `index.handler`. */
export type FunctionFolders = Readonly<Record<FunctionName, string>>;

/**
 * Writes `FOLDER/NAME/index.mjs` and its source maps for each function; what is imported only when it is needed (clients of AWS'
 * services) has files of its own beside it, which a cold start does not read. Throws esbuild's own error.
 */
export async function bundleFunctions(folder: string): Promise<FunctionFolders> {
  const made = await Promise.all(
    functionNames.map(async (name) => {
      const outdir = join(folder, name);
      await build({ ...bundleOptions, entryPoints: { index: `lambdas/${name}/handler.ts` }, outdir });
      return [name, outdir] as const;
    }),
  );
  return Object.fromEntries(made) as FunctionFolders;
}

/** Of all the code in a function's folder, also of what a cold start does not read; without source maps, which are not read at all. */
export const bundleBytes = (folder: string): number =>
  globSync('**/*.mjs', { cwd: folder }).reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);

/** In the place of the functions' bundles and the workers', where nobody looks at them: an empty file. */
export function withoutCode(folder: string): [WorkerBundle, FunctionFolders] {
  const file = join(folder, 'index.mjs');
  writeFileSync(file, '');
  const folders = Object.fromEntries(functionNames.map((name) => [name, folder])) as FunctionFolders;
  return [{ file, version: 'none', sha256: 'none' }, folders];
}

export const bundleOptions = {
  absWorkingDir: root,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  splitting: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  // The SDK too: the runtime's copy is older, and slower to import than the parts that are used.
  mainFields: ['module', 'main'],
  alias: { '@aws-sdk/credential-provider-node': './aws/function-credentials.ts' },
  // What the SDK loads in a browser only.
  external: ['bowser'],
  plugins: [packedTables, prunedShapes],
  banner: { js: requireInModules },
  minify: true,
  // Beside the bundle, for whoever reads a stack; a cold start does not load it (NODE_OPTIONS=--enable-source-maps does).
  sourcemap: 'linked',
  sourcesContent: false,
  legalComments: 'none',
  logLevel: 'warning',
} satisfies BuildOptions;
