// The key file that secrets at rest are encrypted with: `{"keys": [{"id", "key"}]}`, the first of which writes.
// To rotate: put a new key in front, restart, rewrite the secrets (`kubectl get secrets -A -o json | kubectl replace -f -`).
import { existsSync, readFileSync } from 'node:fs';
import type { EncryptionKey } from '../core/store/transform.ts';
import { writePrivately } from './private-file.ts';

interface KeyFile {
  keys: { id: string; key: string }[];
}

/** Makes the file with one key if it is missing. */
export async function ensureEncryptionKeys(file: string): Promise<EncryptionKey[]> {
  if (!existsSync(file)) {
    const key = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64');
    const id = Buffer.from(crypto.getRandomValues(new Uint8Array(4))).toString('hex');
    writePrivately(file, `${JSON.stringify({ keys: [{ id, key }] } satisfies KeyFile, null, 2)}\n`);
  }
  const { keys } = JSON.parse(readFileSync(file, 'utf8')) as KeyFile;
  if (!Array.isArray(keys) || keys.length === 0) throw new Error(`${file} holds no keys`);
  return await Promise.all(
    keys.map(async ({ id, key }) => ({
      id,
      key: await crypto.subtle.importKey('raw', Buffer.from(key, 'base64'), 'AES-GCM', false, ['encrypt', 'decrypt']),
    })),
  );
}
