// What an instance leaves on the machine when it ends, and how it is removed: by whoever started it, or, when that is gone, by itself.
import { readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';

/** Of every hierarchy, below `/slipway/NAME`. */
export function removeCgroups(root: string): void {
  for (const controller of readdirSync('/sys/fs/cgroup')) removeTree(`/sys/fs/cgroup/${controller}${root}`);
}

function removeTree(folder: string): void {
  try {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.isDirectory()) removeTree(join(folder, entry.name));
    }
    rmdirSync(folder);
  } catch {
    // Not there.
  }
}
