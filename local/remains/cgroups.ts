// A cluster's cgroups, in every hierarchy there is (version 1 has one for each controller, version 2 one for all).
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Mount points of the cgroup hierarchies (proc(5), /proc/self/mounts). */
export function cgroupMounts(mounts = readFileSync('/proc/self/mounts', 'utf8')): string[] {
  return mounts.split('\n').flatMap((line) => {
    const [, point, type] = line.split(' ');
    return point !== undefined && (type === 'cgroup' || type === 'cgroup2') ? [point] : [];
  });
}

/** Folders of a cgroup and all below it, deepest first. */
function tree(folder: string): string[] {
  try {
    const below = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    return [...below.flatMap((entry) => tree(join(folder, entry.name))), folder];
  } catch {
    return [];
  }
}

const folders = (cgroup: string): string[] => cgroupMounts().flatMap((mount) => tree(`${mount}${cgroup}`));

/** Every process in it or below. */
export function processesIn(cgroup: string): number[] {
  const pids = folders(cgroup).flatMap((folder) => {
    try {
      return readFileSync(join(folder, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number);
    } catch {
      return []; // went away meanwhile
    }
  });
  return [...new Set(pids)].filter((pid) => pid > 0);
}

/** Returns the folders that could not be removed (a process is still in them). */
export function removeCgroup(cgroup: string): string[] {
  return folders(cgroup).filter((folder) => {
    try {
      rmdirSync(folder);
      return false;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code !== 'ENOENT';
    }
  });
}

/**
 * Takes a process out of the cgroup of whoever started it, in version 2, where systemd ends all that is left in the cgroup of a login
 * session (logind.conf(5), KillUserProcesses) or of a service when that ends. What it starts from now on is in its new cgroup too.
 * In version 1 nothing is done: that would also take it out of limits that somebody set. `cgroup` must not have cgroups below it.
 */
export function moveTo(cgroup: string, pid: number, at = '/sys/fs/cgroup'): void {
  if (!existsSync(join(at, 'cgroup.controllers'))) return;
  try {
    mkdirSync(join(at, cgroup), { recursive: true });
    writeFileSync(join(at, cgroup, 'cgroup.procs'), String(pid));
  } catch {
    // It is gone, as its start will say; or it stays where it is, which is no reason not to start.
  }
}
