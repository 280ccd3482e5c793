// What makes the functions' bundles small: a cold start reads, compiles and runs all of its bundle. Nothing of it concerns the sources,
// which every other host runs as they are; infra/bundles.test.ts holds the sizes.
import { readFile } from 'node:fs/promises';
import { deflateRawSync } from 'node:zlib';
import type { Plugin } from 'esbuild';

/** Below this a table gains nothing worth its inflation, in characters. */
const packedFrom = 10_000;

/**
 * Tables of facts (schemas, field numbers, default roles) as compressed text. V8 reads JSON faster than the same as code, and inflates
 * it in a millisecond (https://v8.dev/blog/cost-of-javascript-2019#json).
 */
export const packedTables: Plugin = {
  name: 'packed-tables',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]core[\\/].*\.json$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8');
      if (text.length < packedFrom) return undefined;
      const packed = deflateRawSync(JSON.stringify(JSON.parse(text)), { level: 9 }).toString('base64');
      return {
        contents: `import { inflateRawSync } from 'node:zlib';
const table = JSON.parse(inflateRawSync(Buffer.from('${packed}', 'base64')).toString());
export { table as default };`,
        loader: 'js',
      };
    });
  },
};

/** `const _xN = "xmlName";` and the like, at the head of a client's shapes. */
const nameOfKey = /^const (_\w+) = (".*");$/gm;
const computedKey = /\[(_\w+)\]:/g;

/** Clients of which only the names of errors are looked at. The SDK gives an error that it does not know its name and message all the same. */
const namesSuffice = /[\\/]client-ssm[\\/]/;
const knownError = /^n0_registry\.registerError\(.*\);$/gm;

/**
 * A client of the SDK describes each shape of its service in one file: `export var Shape$ = [..., { [_xN]: _II }]`. esbuild keeps all
 * of them, since a computed key could do anything, also those of the hundreds of operations that nobody here calls; of EC2
 * that is a megabyte. With the key written out a shape is plain data, and goes when nothing names it.
 */
export const prunedShapes: Plugin = {
  name: 'pruned-shapes',
  setup({ onLoad }) {
    const filter = /[\\/]@aws-sdk[\\/]client-[\w-]+[\\/]dist-es[\\/]schemas[\\/]schemas_\d+\.js$/;
    onLoad({ filter }, async ({ path }) => {
      const text = await readFile(path, 'utf8');
      const names = new Map([...text.matchAll(nameOfKey)].map(([, key, name]) => [key, name]));
      const plain = text.replace(computedKey, (written, key) => (names.has(key) ? `${names.get(key)}:` : written));
      return { contents: namesSuffice.test(path) ? plain.replace(knownError, '') : plain, loader: 'js' };
    });
  },
};
