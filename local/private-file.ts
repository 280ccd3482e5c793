// Files that survive the loss of power, written whole or not at all, and those that only their owner may read.
import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';

/** Only the owner may read it. */
export const writePrivately = (file: string, content: string | Uint8Array): void => writeDurably(file, content, 0o600);

/** Survives the loss of power once it returns; a reader sees the old content or the new one. */
export function writeDurably(file: string, content: string | Uint8Array, mode: number): void {
  const draft = `${file}.${process.pid}.new`;
  const descriptor = openSync(draft, 'w', mode);
  try {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(draft, file);
}
