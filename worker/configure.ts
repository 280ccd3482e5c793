// Writes a worker's files: the same ones everywhere (install), and what instance and cluster say (configure, at every start).
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { AgentConfig } from '../agent/config.ts';
import { cniPlugins, which } from '../agent/containerd/programs.ts';
import { instanceFacts } from '../aws/instance-metadata.ts';
import { type WorkerParameters, workerParameters } from '../aws/worker-parameters.ts';
import type { Log } from '../core/ports.ts';
import { instanceFiles } from './instance-files.ts';
import { mtuAt } from './own-link.ts';
import { paths, type WorkerSettings } from './settings.ts';
import { staticFiles, type WorkerFile } from './units.ts';

/** A file is there whole or as it was before. */
export function writeFiles(root: string, files: readonly WorkerFile[]): void {
  for (const { path, text, mode } of files) {
    const file = `${root}${path}`;
    mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
    writeFileSync(`${file}.new`, text, { mode });
    chmodSync(`${file}.new`, mode); // whatever the umask says
    renameSync(`${file}.new`, file);
  }
}

export const install = (root: string): void => writeFiles(root, staticFiles());

/** Throws an Error that names the field that is missing. */
export function readSettings(root: string): WorkerSettings {
  const file = `${root}${paths.settings}`;
  const settings = JSON.parse(readFileSync(file, 'utf8')) as WorkerSettings;
  for (const field of ['cluster', 'region', 'parameters'] as const)
    if (!settings[field]) throw new Error(`${file}: "${field}" is missing`);
  return settings;
}

/** What an earlier start found: a node goes on while SSM does not answer. */
function knownParameters(root: string): WorkerParameters | undefined {
  const [config, ca] = [`${root}${paths.agentConfig}`, `${root}${paths.ca}`];
  if (!existsSync(config) || !existsSync(ca)) return undefined;
  return { apiUrl: (JSON.parse(readFileSync(config, 'utf8')) as AgentConfig).apiUrl, ca: readFileSync(ca, 'utf8') };
}

export interface ConfigureDeps {
  instance: typeof instanceFacts;
  parameters: typeof workerParameters;
  mtu: typeof mtuAt;
  log: Log;
}

/** Throws an Error that says what is missing, so that systemd tries again and the journal tells why. */
export async function configure(
  root: string,
  deps: Partial<ConfigureDeps> & Pick<ConfigureDeps, 'log'>,
): Promise<void> {
  const settings = readSettings(root);
  const [plugins, runc] = [cniPlugins(), which('runc')];
  if (!plugins || !runc) throw new Error('runc or the CNI plugins are not on this machine');
  const instance = await (deps.instance ?? instanceFacts)();
  const { region, parameters } = settings;
  const cluster = await (deps.parameters ?? workerParameters)(region, parameters).catch((error: Error) => {
    const known = knownParameters(root);
    if (!known) throw error;
    deps.log('warn', 'parameters not read, the last ones are used', { error: error.message });
    return known;
  });
  const mtu = await (deps.mtu ?? mtuAt)(instance.address);
  writeFiles(root, instanceFiles({ settings, instance, mtu, cluster, cniPlugins: plugins, runc }));
}
