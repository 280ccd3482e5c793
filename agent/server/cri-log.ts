// Container logs in the runtime's form, one line each: `2026-01-02T03:04:05.678901234Z stdout F text`. P marks a part of a longer line.
// https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md
import type { FileHandle } from 'node:fs/promises';

export interface LogLine {
  timestamp: string;
  stream: string;
  /** Ends with a newline unless the runtime split a longer line here. */
  text: Buffer;
}

const blockBytes = 64 * 1024;
const newline = 0x0a;
const space = 0x20;

/** Undefined for a line that is not in the runtime's form. `line` holds no newline. */
export function parseLogLine(line: Buffer): LogLine | undefined {
  const first = line.indexOf(space);
  const second = line.indexOf(space, first + 1);
  if (first < 0 || second < 0) return undefined;
  const third = line.indexOf(space, second + 1);
  const tags = line.toString('latin1', second + 1, third < 0 ? line.length : third);
  const content = third < 0 ? Buffer.alloc(0) : line.subarray(third + 1);
  const partial = tags.split(':')[0] === 'P';
  return {
    timestamp: line.toString('latin1', 0, first),
    stream: line.toString('latin1', first + 1, second),
    text: partial ? content : Buffer.concat([content, Buffer.of(newline)]),
  };
}

/** Offset in bytes at which the last `lines` lines of the file begin; 0 when it has fewer. */
export async function tailOffset(file: FileHandle, lines: number): Promise<number> {
  const { size } = await file.stat();
  if (lines <= 0) return size;
  let found = 0;
  let end = size;
  const block = Buffer.alloc(blockBytes);
  while (end > 0) {
    const start = Math.max(0, end - blockBytes);
    const { bytesRead } = await file.read(block, 0, end - start, start);
    for (let index = bytesRead - 1; index >= 0; index--) {
      // The newline that ends the file closes the last line; it does not begin another.
      if (block[index] !== newline || start + index === size - 1) continue;
      found += 1;
      if (found === lines) return start + index + 1;
    }
    end = start;
  }
  return 0;
}

/** Cuts bytes into lines; keeps what has no newline yet. */
export class LineSplitter {
  #rest: Buffer = Buffer.alloc(0);

  *push(chunk: Buffer): Generator<Buffer> {
    let data = this.#rest.length ? Buffer.concat([this.#rest, chunk]) : chunk;
    let at = data.indexOf(newline);
    while (at >= 0) {
      yield data.subarray(0, at);
      data = data.subarray(at + 1);
      at = data.indexOf(newline);
    }
    this.#rest = Buffer.from(data);
  }
}
