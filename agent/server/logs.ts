// GET /containerLogs/{namespace}/{pod}/{container}: what `kubectl logs` reads.
// https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#get-read-log-of-the-specified-pod
import { type FSWatcher, watch } from 'node:fs';
import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { ServedContainer, ServedPod } from '../server-port.ts';
import { LineSplitter, type LogLine, parseLogLine, tailOffset } from './cri-log.ts';
import { ServingError } from './serving-error.ts';

export interface LogOptions {
  follow: boolean;
  previous: boolean;
  timestamps: boolean;
  /** -1: all. */
  tailLines: number;
  /** -1: no limit. */
  limitBytes: number;
  /** Lines older than this (ms since the epoch) are left out. */
  sinceMs: number;
  /** 'stdout' or 'stderr' alone. */
  stream?: string;
}

/** How long a follower waits at most before it looks again whether the container still runs. */
const lookAgainMs = 1000;
const readBytes = 64 * 1024;

function wholeNumber(query: URLSearchParams, name: string): number {
  const text = query.get(name);
  if (text === null || text === '') return -1;
  if (!/^\d+$/.test(text)) throw new ServingError(400, `invalid ${name}: ${JSON.stringify(text)}`);
  return Number(text);
}

/** Throws ServingError (400) for numbers and times that cannot be read. */
export function logOptions(query: URLSearchParams, nowMs: number): LogOptions {
  const sinceSeconds = wholeNumber(query, 'sinceSeconds');
  const sinceTime = query.get('sinceTime');
  const sinceMs = sinceSeconds >= 0 ? nowMs - sinceSeconds * 1000 : sinceTime ? Date.parse(sinceTime) : 0;
  if (Number.isNaN(sinceMs)) throw new ServingError(400, `invalid sinceTime: ${JSON.stringify(sinceTime)}`);
  const stream = query.get('stream')?.toLowerCase();
  return {
    follow: query.get('follow') === 'true',
    previous: query.get('previous') === 'true',
    timestamps: query.get('timestamps') === 'true',
    tailLines: wholeNumber(query, 'tailLines'),
    limitBytes: wholeNumber(query, 'limitBytes'),
    sinceMs,
    ...(stream === 'stdout' || stream === 'stderr' ? { stream } : {}),
  };
}

/** File of the attempt before the newest one. Throws ServingError when there is none. */
async function previousLog(pod: string, container: ServedContainer): Promise<string> {
  const folder = dirname(container.logPath);
  const current = Number.parseInt(basename(container.logPath), 10);
  const attempts = (await readdir(folder).catch(() => []))
    .map((name) => /^(\d+)\.log$/.exec(name)?.[1])
    .filter((found) => found !== undefined)
    .map(Number)
    .filter((attempt) => attempt < current);
  if (attempts.length === 0)
    throw new ServingError(400, `previous terminated container "${container.name}" in pod "${pod}" not found`);
  return join(folder, `${Math.max(...attempts)}.log`);
}

const pullFailures: Readonly<Record<string, string>> = {
  ErrImagePull: "image can't be pulled",
  ImagePullBackOff: 'trying and failing to pull image',
};

/** Why a container has no log yet, as kubectl users read it. */
function waitingReason(served: ServedPod, container: string): string {
  const status = served.pod.status;
  const all = [
    ...(status?.initContainerStatuses ?? []),
    ...(status?.containerStatuses ?? []),
    ...(status?.ephemeralContainerStatuses ?? []),
  ];
  const reason = all.find((one) => one.name === container)?.state?.waiting?.reason ?? 'ContainerCreating';
  return pullFailures[reason] ?? reason;
}

export interface LogSource {
  path: string;
  /** Whether more may still be written. */
  running(): boolean;
}

/** The file to read. Throws ServingError 404 or 400 in kubelet's words when there is none. */
export async function logSource(
  find: () => ServedPod | undefined,
  namespace: string,
  name: string,
  containerName: string,
  previous: boolean,
): Promise<LogSource> {
  const served = find();
  if (!served) throw new ServingError(404, `pod "${name}" not found in namespace "${namespace}"`);
  const spec = served.pod.spec;
  const known = [...(spec?.containers ?? []), ...(spec?.initContainers ?? []), ...(spec?.ephemeralContainers ?? [])];
  if (!known.some((one) => one.name === containerName))
    throw new ServingError(404, `container ${containerName} is not valid for pod ${name}`);
  const container = served.containers.find((one) => one.name === containerName);
  if (!container) {
    if (previous)
      throw new ServingError(400, `previous terminated container "${containerName}" in pod "${name}" not found`);
    throw new ServingError(
      400,
      `container "${containerName}" in pod "${name}" is waiting to start: ${waitingReason(served, containerName)}`,
    );
  }
  if (previous) return { path: await previousLog(name, container), running: () => false };
  const running = () => find()?.containers.some((one) => one.id === container.id && one.running) ?? false;
  return { path: container.logPath, running };
}

/** Resolves at the next change in the folder, after a while, or when aborted. */
function changed(folder: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    let watcher: FSWatcher | undefined;
    const done = () => {
      clearTimeout(timer);
      watcher?.close();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, lookAgainMs);
    signal.addEventListener('abort', done);
    try {
      watcher = watch(folder, done);
      watcher.on('error', done);
    } catch {
      // The folder went away with its pod: the timer ends the wait.
    }
  });
}

/** @param begun streams whose last line was a part of a longer one: what follows gets no time of its own */
function render(line: LogLine, options: LogOptions, begun: Set<string>): Buffer | undefined {
  if (options.stream && line.stream !== options.stream) return undefined;
  if (options.sinceMs > 0 && Date.parse(line.timestamp) < options.sinceMs) return undefined;
  const goesOn = begun.has(line.stream);
  if (line.text.at(-1) === 0x0a) begun.delete(line.stream);
  else begun.add(line.stream);
  return options.timestamps && !goesOn ? Buffer.concat([Buffer.from(`${line.timestamp} `), line.text]) : line.text;
}

/** True when another file stands where this one was opened (the log was rotated). */
async function rotated(path: string, inode: number): Promise<boolean> {
  const now = await stat(path).catch(() => undefined);
  return now !== undefined && now.ino !== inode;
}

/** Yields the log's bytes; with follow, until the container ends and all was read. */
export async function* readLog(source: LogSource, options: LogOptions, signal: AbortSignal): AsyncGenerator<Buffer> {
  let left = options.limitBytes < 0 ? Number.POSITIVE_INFINITY : options.limitBytes;
  let file: FileHandle;
  try {
    file = await open(source.path, 'r');
  } catch {
    throw new ServingError(
      404,
      'there is no log: it was removed with its container, or the node is a simulated one, which writes none',
    );
  }
  try {
    let inode = (await file.stat()).ino;
    let offset = options.tailLines < 0 ? 0 : await tailOffset(file, options.tailLines);
    let splitter = new LineSplitter();
    const block = Buffer.alloc(readBytes);
    let movedAway = false;
    /** Of the stream, for timestamps: the runtime splits long lines. */
    const begun = new Set<string>();
    while (left > 0 && !signal.aborted) {
      // Asked before reading: what is written up to the end is read before the loop ends.
      const more = options.follow && source.running();
      const { bytesRead } = await file.read(block, 0, readBytes, offset);
      if (bytesRead === 0) {
        if (movedAway) {
          await file.close();
          file = await open(source.path, 'r');
          inode = (await file.stat()).ino;
          offset = 0;
          splitter = new LineSplitter();
          movedAway = false;
          continue;
        }
        // Its last lines may have come since it was read: it is read once more before the next file.
        movedAway = await rotated(source.path, inode);
        if (movedAway) continue;
        if (!more) return;
        await changed(dirname(source.path), signal);
        continue;
      }
      offset += bytesRead;
      for (const raw of splitter.push(Buffer.from(block.subarray(0, bytesRead)))) {
        const line = parseLogLine(raw);
        const bytes = line && render(line, options, begun);
        if (!bytes) continue;
        yield bytes.length > left ? bytes.subarray(0, left) : bytes;
        left -= bytes.length;
        if (left <= 0) return;
      }
    }
  } finally {
    await file.close();
  }
}
