// Folders and files held open while they are worked on: a path may lead elsewhere a moment later, a descriptor may not.
import { constants, openSync } from 'node:fs';

/** Linux' O_PATH, which Node does not name: a hold on what stands there, whatever it is, without opening it. */
const oPath = 0o10000000;

/** A path to what is held, or to a name in the folder that is held. */
export const opened = (fd: number, name?: string): string =>
  `/proc/self/fd/${fd}${name === undefined ? '' : `/${name}`}`;

/** The caller closes it. */
export const openFolder = (path: string): number => openSync(path, oPath | constants.O_DIRECTORY);

/** What has this name in the folder, a link as a link; undefined when there is no such thing. The caller closes it. */
export function openAt(folder: number, name: string): number | undefined {
  try {
    return openSync(opened(folder, name), oPath | constants.O_NOFOLLOW);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
