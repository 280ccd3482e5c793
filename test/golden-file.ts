// Golden files: what is computed is compared with what was recorded; GOLDEN=write records anew.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('golden', import.meta.url));

/** `name` is a path below test/golden, without `.json`. */
export function assertGolden(name: string, value: unknown): void {
  const path = join(folder, `${name}.json`);
  const text = `${JSON.stringify(value, null, 2)}\n`;
  if (process.env['GOLDEN'] === 'write') {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return;
  }
  assert.ok(existsSync(path), `${name} is not recorded: run with GOLDEN=write and read what it says`);
  assert.deepEqual(JSON.parse(text), JSON.parse(readFileSync(path, 'utf8')));
}
