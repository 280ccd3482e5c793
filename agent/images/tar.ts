// Writes tar archives (POSIX ustar) with all that images need: files, folders and symbolic links, owned by root, without times,
// so that the same input gives the same bytes and the same digest.

export type TarEntry =
  | { path: string; type: 'file'; data: Uint8Array; mode: number }
  | { path: string; type: 'directory'; mode: number }
  | { path: string; type: 'symlink'; target: string };

const block = 512;
const typeFlags = { file: '0', symlink: '2', directory: '5' } as const;

/** Paths are relative and at most 100 bytes long; throws RangeError otherwise. */
export function tar(entries: readonly TarEntry[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const entry of entries) {
    const data = entry.type === 'file' ? entry.data : new Uint8Array();
    parts.push(header(entry, data.length), data, new Uint8Array((block - (data.length % block)) % block));
  }
  parts.push(new Uint8Array(2 * block));
  return Buffer.concat(parts);
}

function header(entry: TarEntry, size: number): Uint8Array {
  const head = Buffer.alloc(block);
  const path = entry.type === 'directory' ? `${entry.path}/` : entry.path;
  const target = entry.type === 'symlink' ? entry.target : '';
  if (Buffer.byteLength(path) > 100 || Buffer.byteLength(target) > 100)
    throw new RangeError(`too long for a tar header: ${path}`);
  const octal = (value: number, width: number): string => `${value.toString(8).padStart(width - 1, '0')}\0`;
  head.write(path, 0);
  head.write(octal(entry.type === 'symlink' ? 0o777 : entry.mode, 8), 100);
  head.write(octal(0, 8), 108); // owner
  head.write(octal(0, 8), 116); // group
  head.write(octal(size, 12), 124);
  head.write(octal(0, 12), 136); // modification time
  head.write('        ', 148); // the checksum counts as spaces while it is computed
  head.write(typeFlags[entry.type], 156);
  head.write(target, 157);
  head.write('ustar\x0000', 257, 'latin1');
  let sum = 0;
  for (const byte of head) sum += byte;
  head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return head;
}
