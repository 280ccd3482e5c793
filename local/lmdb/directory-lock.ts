// Keeps two processes from one data directory. A listening socket is a lock that the kernel takes back when its holder
// dies, however it dies; Node offers no flock.
import { createHash } from 'node:crypto';
import { realpathSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';

export class DataDirectoryInUse extends Error {
  constructor(directory: string) {
    super(`${directory} is in use by another Slipway process.`);
    this.name = 'DataDirectoryInUse';
  }
}

/** Returns the release. Throws DataDirectoryInUse. */
export async function lockDirectory(directory: string): Promise<() => void> {
  const path = realpathSync(directory);
  // Linux's abstract sockets need no file; elsewhere a socket file may be left over and is tried first.
  const abstract = process.platform === 'linux';
  const address = abstract
    ? `\0slipway-${createHash('sha256').update(path).digest('hex').slice(0, 32)}`
    : join(path, 'lock.sock');
  if (!abstract && !(await answers(address))) rmSync(address, { force: true });
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'EADDRINUSE' ? new DataDirectoryInUse(directory) : error),
    );
    server.listen({ path: address }, resolve);
  });
  server.unref();
  return () => server.close();
}

const answers = (address: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(address, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
