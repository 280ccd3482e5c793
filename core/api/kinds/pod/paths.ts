// Rules for file paths inside volumes and containers.
import type { Findings } from '../findings.ts';

export function checkNoBacksteps(found: Findings, field: string, path: string): void {
  if (path.split('/').includes('..')) found.invalid(field, path, "must not contain '..'");
}

export function checkDescendingPath(found: Findings, field: string, path: string): void {
  if (path.startsWith('/')) found.invalid(field, path, 'must be a relative path');
  checkNoBacksteps(found, field, path);
}

/** Below the volume's root, and not one of the names that a kubelet uses for its own. */
export function checkLocalPath(found: Findings, field: string, path: string): void {
  checkDescendingPath(found, field, path);
  if (path.startsWith('..') && !path.startsWith('../')) found.invalid(field, path, "must not start with '..'");
}

const maxFileMode = 0o777;

export function checkFileMode(found: Findings, field: string, mode: number | undefined): void {
  if (mode !== undefined && (mode < 0 || mode > maxFileMode)) {
    found.invalid(field, mode, 'must be a number between 0 and 0777 (octal), both inclusive');
  }
}
