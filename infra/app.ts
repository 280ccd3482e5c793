// The CDK app: `npx cdk deploy`. What can be chosen is in properties.ts.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { BUNDLING_STACKS } from 'aws-cdk-lib/cx-api';
import { buildBundle } from '../worker/bundle.ts';
import { bundleFunctions, withoutCode } from './bundles.ts';
import { readProperties } from './properties.ts';
import { PropertyError } from './property-error.ts';
import { SlipwayStack } from './stack.ts';

const app = new App();
/** The CDK names the stacks whose code it will look at: none for `bootstrap` and `destroy`, which need not wait for it then. */
const isCodeWanted = (app.node.tryGetContext(BUNDLING_STACKS) as string[] | undefined)?.length !== 0;
// Copied into the assembly from there.
const built = mkdtempSync(join(tmpdir(), 'slipway-bundles-'));
try {
  const properties = readProperties((name) => app.node.tryGetContext(name));
  const [bundle, folders] = isCodeWanted
    ? await Promise.all([buildBundle(join(built, 'worker')), bundleFunctions(built)])
    : withoutCode(built);
  new SlipwayStack(app, { properties, bundle, folders });
  app.synth();
} catch (error) {
  if (!(error instanceof PropertyError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
} finally {
  rmSync(built, { recursive: true, force: true });
}
