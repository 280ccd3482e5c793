// What a cold start computes: the functions' bundles as the CDK app makes them, imported by a Node of their own.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleFunctions } from '../../infra/bundles.ts';
import type { FunctionName } from '../../infra/function-shapes.ts';

/** The handlers import nothing that the environment's variables decide, so none are set; the API's needs Lambda's streaming. */
const script = (file: string): string => `
  globalThis.awslambda = { streamifyResponse: (handler) => handler, HttpResponseStream: {} };
  const before = process.cpuUsage();
  await import(${JSON.stringify(file)});
  const { user, system } = process.cpuUsage();
  console.log((user + system) / 1000);
  process.exit(0);
`;

const tries = 3;

export type InitTimes = Readonly<Record<FunctionName, number>>;

/** Processor milliseconds from the start of Node to the end of the import, the median of three, by function. */
export async function initTimes(): Promise<InitTimes> {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-bundles-'));
  try {
    const folders = await bundleFunctions(folder);
    const times = Object.entries(folders).map(([name, path]) => {
      const run = (): number =>
        Number(execFileSync(process.execPath, ['--input-type=module', '-e', script(join(path, 'index.mjs'))]));
      const sorted = Array.from({ length: tries }, run).sort((a, b) => a - b);
      return [name, Math.round(sorted[Math.floor(tries / 2)]!)];
    });
    return Object.fromEntries(times) as InitTimes;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
