// What a cold start computes: the functions' bundles as the CDK app makes them, imported by a Node of their own.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleBytes, bundleFunctions } from '../../infra/bundles.ts';
import { type FunctionName, functionNames } from '../../infra/function-shapes.ts';
import { median } from '../measure.ts';

export interface BundleFigures {
  /** All code of the bundle, minified. */
  bytes: number;
  /** Processor milliseconds from the start of Node to the end of the import, the median of several. */
  startMs: number;
  /** Those of the import alone. */
  importMs: number;
}

const tries = 5;

/** The handlers import nothing that the environment's variables decide, so none are set; the API's needs Lambda's streaming. */
const script = (file: string): string => `
  globalThis.awslambda = { streamifyResponse: (handler) => handler, HttpResponseStream: {} };
  const usedMs = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1000; };
  const beforeMs = usedMs();
  await import(${JSON.stringify(file)});
  const startMs = usedMs();
  console.log(JSON.stringify({ startMs, importMs: startMs - beforeMs }));
  process.exit(0);
`;

/** Nothing is compiled in advance in a new environment of Lambda. */
function coldStart(folder: string): Pick<BundleFigures, 'startMs' | 'importMs'> {
  const { NODE_COMPILE_CACHE: _, NODE_OPTIONS: __, ...env } = process.env;
  const text = execFileSync(process.execPath, ['--input-type=module', '-e', script(join(folder, 'index.mjs'))], {
    env: { ...env, NODE_DISABLE_COMPILE_CACHE: '1' },
    encoding: 'utf8',
  });
  return JSON.parse(text) as Pick<BundleFigures, 'startMs' | 'importMs'>;
}

/** Throws esbuild's error, or the one of a bundle that cannot be imported. */
export async function bundleFigures(): Promise<Readonly<Record<FunctionName, BundleFigures>>> {
  const out = mkdtempSync(join(tmpdir(), 'slipway-bundles-'));
  try {
    const folders = await bundleFunctions(out);
    const figures = functionNames.map((name) => {
      const starts = Array.from({ length: tries }, () => coldStart(folders[name]));
      const medianOf = (figure: 'startMs' | 'importMs'): number => median(starts.map((start) => start[figure]));
      return [
        name,
        { bytes: bundleBytes(folders[name]), startMs: medianOf('startMs'), importMs: medianOf('importMs') },
      ];
    });
    return Object.fromEntries(figures) as Record<FunctionName, BundleFigures>;
  } finally {
    rmSync(out, { recursive: true });
  }
}
