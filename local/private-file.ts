// Files that only their owner may read, written whole or not at all.
import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';

/** Survives the loss of power once it returns; a reader sees the old content or the new one. */
export function writePrivately(file: string, content: string | Uint8Array): void {
  const draft = `${file}.${process.pid}.new`;
  const descriptor = openSync(draft, 'w', 0o600);
  try {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(draft, file);
}
