// Installs Debian packages, with two manners: nothing is upgraded that need not be, and no service starts that was not there.
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { Failure } from '../failure.ts';
import { type RunResult, run } from '../run.ts';

/** invoke-rc.d asks it whether a service may start (deb-systemd-invoke does too); 101 is "not allowed". */
const policyFile = '/usr/sbin/policy-rc.d';

/** `services`: units that the packages bring and that must neither run now nor at the next boot, unless they were there before. */
export async function installPackages(packages: readonly string[], services: readonly string[] = []): Promise<void> {
  if (packages.length === 0) return;
  const kept = new Set<string>();
  for (const service of services) if (await exists(service)) kept.add(service);
  const ownPolicy = !existsSync(policyFile);
  if (ownPolicy) writeFileSync(policyFile, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    let result = await install(packages);
    if (result.code !== 0) {
      // no package lists yet, or lists older than the archive
      const update = await apt('update');
      if (update.code !== 0) throw aptFailed('apt-get update', update);
      result = await install(packages);
    }
    if (result.code !== 0) throw aptFailed(`apt-get install ${packages.join(' ')}`, result);
  } finally {
    if (ownPolicy) rmSync(policyFile, { force: true });
  }
  for (const service of services) {
    if (!kept.has(service) && (await exists(service))) await systemctl('disable', '--now', service);
  }
}

export const isDebian = (): boolean => existsSync('/usr/bin/apt-get');

const install = (packages: readonly string[]): Promise<RunResult> =>
  apt('install', '--yes', '--no-install-recommends', '--no-upgrade', ...packages);

const apt = (...args: string[]): Promise<RunResult> =>
  run('apt-get', ['-q', '-o', 'DPkg::Lock::Timeout=120', ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });

const systemctl = (...args: string[]): Promise<RunResult> =>
  run('systemctl', args).catch(() => ({ code: 127, stdout: '', stderr: '' }));

const exists = async (service: string): Promise<boolean> =>
  existsSync('/run/systemd/system') && (await systemctl('cat', service)).code === 0;

function aptFailed(what: string, result: RunResult): Failure {
  const lines = `${result.stderr}\n${result.stdout}`.split('\n').filter((line) => /^(E|W|Err|dpkg)/.test(line));
  return new Failure(
    `${what} failed: ${lines[0] ?? `exit code ${result.code}`}`,
    'mend it, or install them yourself and try again',
  );
}
