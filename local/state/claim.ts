// Names of namespaces, cgroups and folders under /run come from the cluster's name alone: of two clusters with one name, in
// different homes, only one may run.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../failure.ts';
import type { ClusterPaths } from './paths.ts';
import { readIfThere } from './spec.ts';

const marker = (paths: ClusterPaths): string => join(paths.run, 'home');

/** Throws Failure when a cluster of that name runs from another home. */
export function checkClaim(paths: ClusterPaths): void {
  const home = readIfThere(marker(paths));
  if (home === undefined || home === paths.home) return;
  throw new Failure(
    `a cluster named "${paths.name}" is running that belongs to ${home}`,
    `use another --name, or stop that one: SLIPWAY_HOME=${home} slipway down --name ${paths.name}`,
  );
}

export function claim(paths: ClusterPaths): void {
  checkClaim(paths);
  mkdirSync(paths.run, { recursive: true, mode: 0o711 });
  writeFileSync(marker(paths), paths.home);
}
