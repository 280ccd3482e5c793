// The control plane made into one file when a source has changed: a process that reads one file takes a third less to be up, and some
// MiB less, than one that reads a thousand and strips the types of most. (An agent's takes 3 MiB more that way, and no less time.)
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { requireInModules } from '../host/require-in-modules.ts';
import { writeDurably } from './private-file.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const usualPlace = join(root, '.cache/programs');
const source = 'local/control-plane-main.ts';
const stampName = 'control-plane.json';
/** How they are made, which may change too. */
const recipe = ['local/control-plane-program.ts', 'host/require-in-modules.ts'];

/** Beside the made file, so that nobody need read a source to know whether it still is what they say. */
interface Stamp {
  file: string;
  /** Of each source below the root: when it was changed, and its size. */
  inputs: Record<string, string>;
}

/** The file to start. The sources themselves where nothing can be made of them: without esbuild, in a tree that others own. */
export function controlPlaneProgram(place = usualPlace): string {
  try {
    return current(place) ?? make(place);
  } catch {
    return join(root, source);
  }
}

const stateOf = (input: string): string => {
  const { mtimeMs, size } = statSync(join(root, input));
  return `${mtimeMs} ${size}`;
};

/** undefined: there is none, a source has changed or is gone, or the stamp was damaged. */
function current(place: string): string | undefined {
  try {
    const { file, inputs } = JSON.parse(readFileSync(join(place, stampName), 'utf8')) as Stamp;
    const isSame = Object.entries(inputs).every(([input, state]) => stateOf(input) === state);
    return isSame && existsSync(join(place, file)) ? join(place, file) : undefined;
  } catch {
    return undefined;
  }
}

/** Named by its content: whoever starts it meanwhile starts either the old one whole or the new one. */
function make(place: string): string {
  // loaded only when something has changed
  const { buildSync } = createRequire(import.meta.url)('esbuild') as typeof import('esbuild');
  const { outputFiles, metafile } = buildSync({
    absWorkingDir: root,
    entryPoints: [source],
    write: false,
    metafile: true,
    bundle: true,
    // it has a binary beside it
    external: ['lmdb'],
    mainFields: ['module', 'main'],
    banner: { js: requireInModules },
    platform: 'node',
    target: 'node24',
    format: 'esm',
    // names in stacks and logs
    keepNames: true,
    logLevel: 'silent',
  });
  const { contents } = outputFiles[0]!;
  const file = `control-plane-${createHash('sha256').update(contents).digest('hex').slice(0, 12)}.mjs`;
  const inputs = Object.fromEntries(
    [...recipe, ...Object.keys(metafile.inputs)].map((input) => [input, stateOf(input)]),
  );
  mkdirSync(place, { recursive: true });
  writeDurably(join(place, file), contents, 0o644);
  writeDurably(join(place, stampName), JSON.stringify({ file, inputs } satisfies Stamp), 0o644);
  for (const other of readdirSync(place)) if (other.endsWith('.mjs') && other !== file) rmSync(join(place, other));
  return join(place, file);
}
