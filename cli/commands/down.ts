// slipway down
import { down } from '../../local/cluster/power-off.ts';
import { terminalProgress } from '../../local/progress.ts';
import { clusterPaths } from '../../local/state/paths.ts';
import { needsRoot } from '../as-root.ts';
import { naming } from '../report.ts';

export interface DownOptions {
  name: string;
  purge?: boolean;
  grace: number;
}

export async function downCommand(options: DownOptions): Promise<void> {
  const paths = clusterPaths(options.name);
  if (await needsRoot(paths)) return;
  const progress = terminalProgress(process.stdout);
  // half a stop helps nobody: it is finished, which takes seconds
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
  const result = await down(paths, { purge: options.purge === true, graceMs: options.grace * 1000 }, progress);
  const name = `Cluster "${options.name}"`;
  if (result === 'never existed') progress.say(`There is no cluster "${options.name}".`);
  else if (options.purge) progress.say(`${name} and its data are gone.`);
  else
    progress.say(
      `${name} ${result === 'stopped' ? 'is stopped' : 'was not running'}. Its data stays in ${paths.dir} (${naming('slipway down --purge', options.name)} removes it).`,
    );
}
