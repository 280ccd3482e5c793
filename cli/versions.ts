import { readFileSync } from 'node:fs';

const packageFile = new URL('../package.json', import.meta.url);

export const slipwayVersion = (): string =>
  (JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string }).version;

/** The API that is served. */
export const kubernetesVersion = 'v1.36';
