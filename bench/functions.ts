// Rows of the bench for the functions: how large their bundles are, and what importing one costs a cold start. No peer has such a thing.
import { bundleFigures } from './cost/bundles.ts';
import type { Row } from './measure.ts';

export async function functionRows(): Promise<Row[]> {
  const figures = Object.entries(await bundleFigures());
  return figures.flatMap(([name, { bytes, importMs }]): Row[] => [
    { what: `function ${name}: bundle`, unit: 'KB', better: 'less', slipway: bytes / 1_000 },
    { what: `function ${name}: cold import`, unit: 'ms of a processor', better: 'less', slipway: importMs },
  ]);
}
