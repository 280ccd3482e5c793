// Names of namespaces, cgroups and folders under /run come from the cluster's name alone: of two clusters with one name, in
// different homes, only one may run. The claim also holds what it takes to stop a cluster whose data somebody removed.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../failure.ts';
import type { ClusterPaths } from './paths.ts';
import { type ClusterSpec, readIfThere, writeFileAtomic } from './spec.ts';

interface Claim {
  home: string;
  spec: ClusterSpec;
}

const fileOf = (paths: ClusterPaths): string => join(paths.run, 'claim.json');

function readClaim(paths: ClusterPaths): Claim | undefined {
  const text = readIfThere(fileOf(paths));
  return text === undefined ? undefined : (JSON.parse(text) as Claim);
}

/** Throws Failure when a cluster of that name runs from another home. */
export function checkClaim(paths: ClusterPaths): void {
  const home = readClaim(paths)?.home;
  if (home === undefined || home === paths.home) return;
  throw new Failure(
    `a cluster named "${paths.name}" is running that belongs to ${home}`,
    `use another --name, or stop that one: SLIPWAY_HOME=${home} slipway down --name ${paths.name}`,
  );
}

export function claim(paths: ClusterPaths, spec: ClusterSpec): void {
  checkClaim(paths);
  mkdirSync(paths.run, { recursive: true, mode: 0o711 });
  writeFileAtomic(fileOf(paths), JSON.stringify({ home: paths.home, spec } satisfies Claim));
}

/** What runs here under this name, by the claim alone. */
export const claimedSpec = (paths: ClusterPaths): ClusterSpec | undefined => {
  const held = readClaim(paths);
  return held?.home === paths.home ? held.spec : undefined;
};
