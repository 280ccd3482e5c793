// Before a cluster of real containers starts: what it needs is there, or is installed now.
import { existsSync, readFileSync } from 'node:fs';
import { Failure } from '../failure.ts';
import type { Progress } from '../progress.ts';
import { run } from '../run.ts';
import { installPackages, isDebian } from './debian.ts';
import { allocatorWish, missing, packagesOf, registryRequirement, requirements } from './requirements.ts';

export interface EnsureOptions {
  /** False: only say what is missing. */
  install: boolean;
  /** The cluster is to have a registry. */
  registry: boolean;
  signal: AbortSignal;
}

export async function ensureMachine(progress: Progress, options: EnsureOptions): Promise<void> {
  const needed = options.registry ? [...requirements, registryRequirement] : requirements;
  const lacking = missing(needed);
  if (lacking.length > 0) {
    const packages = packagesOf(lacking);
    const wished = packagesOf(missing([allocatorWish]));
    const all = [...packages, ...wished];
    const what = lacking.map((requirement) => requirement.what).join(', ');
    if (!isDebian())
      throw new Failure(
        `missing on this machine: ${what}`,
        'install them; only Debian and its kin are done by Slipway itself',
      );
    if (!options.install)
      throw new Failure(
        `missing on this machine: ${what}`,
        `apt-get install --no-install-recommends ${packages.join(' ')}`,
      );
    progress.say(`Missing on this machine: ${what}. Installing from Debian: ${all.join(' ')}`);
    await progress.step('Debian packages', async (note) => {
      note(all.join(', '));
      await installPackages(packages, ['containerd.service', 'docker-registry.service']);
      // By itself, so that an archive that lacks it keeps no cluster from starting.
      await installPackages(wished).catch(() => undefined);
    });
    options.signal.throwIfAborted();
    const still = missing(needed);
    if (still.length > 0)
      throw new Failure(
        `still missing after the installation: ${still.map((requirement) => requirement.what).join(', ')}`,
        'slipway doctor',
      );
  }
  await loadModules();
}

/** Kernels with loadable modules may not have these loaded yet; a failure shows where they are used. */
async function loadModules(): Promise<void> {
  const wanted = [
    ...(existsSync('/proc/sys/net/bridge') ? [] : ['br_netfilter']),
    ...(/\boverlay$/m.test(readFileSync('/proc/filesystems', 'utf8')) ? [] : ['overlay']),
  ];
  for (const module of wanted) await run('modprobe', ['--quiet', module]).catch(() => undefined);
}
