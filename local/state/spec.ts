// What a cluster was told to be, kept in cluster.json so that the next start brings up the same.
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NodeSettings } from '../config.ts';
import { Failure } from '../failure.ts';
import { writePrivately } from '../private-file.ts';
import { type ClusterPaths, clusterPaths } from './paths.ts';

/** Raised when the layout of the data directory changes; an older Slipway refuses a newer directory. */
export const dataVersion = 1;

export type Runtime = 'containerd' | 'simulated';

export interface NodeSpec {
  name: string;
  /** From 1; gives the node its address and its pods' range. Never used again for another node. */
  number: number;
  /** Taken out with `slipway node stop`. */
  stopped?: boolean;
}

export interface ClusterSpec {
  dataVersion: number;
  name: string;
  /** Which of the 64 address plans (network/addresses.ts). */
  index: number;
  runtime: Runtime;
  /** Of the API server, on loopback and on the bridge. */
  port: number;
  /** Nodes and pods may reach what the machine reaches. */
  egress: boolean;
  /** It has a registry of its own (local/registry). */
  registry?: boolean;
  nodes: NodeSpec[];
  /** Flags of the real programs; what is absent is as by default. */
  settings?: NodeSettings;
  /** The kubeconfig file that holds the context. */
  kubeconfig: string;
}

/** undefined when this cluster was never started. Throws Failure for a directory of a newer version, or a damaged one. */
export function readSpec(paths: ClusterPaths): ClusterSpec | undefined {
  const text = readIfThere(paths.spec);
  if (text === undefined) return undefined;
  let spec: ClusterSpec;
  try {
    spec = JSON.parse(text) as ClusterSpec;
  } catch (error) {
    throw new Failure(
      `${paths.spec} is damaged: ${(error as Error).message}`,
      `restore it, or remove ${paths.dir} to start afresh`,
    );
  }
  if (typeof spec.dataVersion !== 'number' || spec.dataVersion > dataVersion) {
    throw new Failure(
      `${paths.dir} was written by a newer Slipway (data version ${spec.dataVersion}, this one knows ${dataVersion})`,
      'use that version, or another --name; nothing was changed',
    );
  }
  return spec;
}

/** Survives the loss of power once it returns: without it the cluster's data would be nobody's. */
export function writeSpec(paths: ClusterPaths, spec: ClusterSpec): void {
  mkdirSync(paths.dir, { recursive: true, mode: 0o700 });
  writePrivately(paths.spec, `${JSON.stringify(spec, null, 2)}\n`);
}

/** The clusters whose data stands under the same home, this one excepted. Damaged or newer ones are left out. */
export function otherSpecs(paths: ClusterPaths): ClusterSpec[] {
  let names: string[];
  try {
    names = readdirSync(paths.home);
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    if (name === paths.name) return [];
    try {
      return readSpec(clusterPaths(name, { SLIPWAY_HOME: paths.home })) ?? [];
    } catch {
      return [];
    }
  });
}

export const readIfThere = (file: string): string | undefined => {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
};

/** Readers see the old file or the new one, never half of one. */
export function writeFileAtomic(file: string, text: string, mode = 0o600): void {
  const temporary = `${file}.${process.pid}.tmp`;
  writeFileSync(temporary, text, { mode });
  chmodSync(temporary, mode);
  renameSync(temporary, file);
}

export const logFile = (paths: ClusterPaths, part: string): string =>
  join(paths.logs, `${part.replaceAll('/', '.')}.log`);
