// Removes a folder that containers wrote into. Links are not followed.
import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What is not there is no failure. Folders may be nested deeper than a path can say: rm(1) goes by descriptors, Node by paths. */
export async function removeTree(folder: string): Promise<void> {
  try {
    await rm(folder, { recursive: true, force: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENAMETOOLONG') throw error;
    await run('rm', ['-rf', '--one-file-system', '--', folder]);
  }
}
