// The message that a container leaves behind: a file, or the end of its log when it failed.
// https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/
import { open, stat } from 'node:fs/promises';
import type { ObservedContainer } from '../../core/kubelet/model.ts';
import { annotationKeys } from '../cri/labels.ts';

export const maxMessageBytes = 4096;
const maxLogBytes = 2048;
const maxLogLines = 80;

async function tail(path: string, bytes: number): Promise<Buffer> {
  const { size } = await stat(path);
  const file = await open(path, 'r');
  try {
    const buffer = Buffer.alloc(Math.min(bytes, size));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, Math.max(0, size - bytes));
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

async function head(path: string, bytes: number): Promise<string> {
  const file = await open(path, 'r');
  try {
    const buffer = Buffer.alloc(bytes);
    const { bytesRead } = await file.read(buffer, 0, bytes, 0);
    return buffer.subarray(0, bytesRead).toString('utf8');
  } finally {
    await file.close();
  }
}

/** The log's own text, without the time, stream and tag that CRI puts before each line. */
async function logTail(path: string): Promise<string> {
  const raw = (await tail(path, maxLogBytes * 8)).toString('utf8');
  const lines = raw.split('\n').filter((line) => /^\S+ (stdout|stderr) [FP]/.test(line));
  const text = lines
    .slice(-maxLogLines)
    .map((line) => {
      const [, , tag = '', ...content] = line.split(' ');
      return content.join(' ') + (tag.startsWith('P') ? '' : '\n');
    })
    .join('');
  return Buffer.from(text).subarray(-maxLogBytes).toString('utf8');
}

export async function terminationMessage(
  container: ObservedContainer,
  annotations: Record<string, string>,
  messageFile: string,
  logPath: string,
): Promise<string> {
  const message = await head(messageFile, maxMessageBytes).catch(() => '');
  if (message !== '') return message;
  const fallback =
    annotations[annotationKeys.terminationMessagePolicy] === 'FallbackToLogsOnError' && container.exitCode !== 0;
  return fallback ? logTail(logPath).catch(() => '') : '';
}
