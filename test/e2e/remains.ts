// What of a cluster could be left on the machine after it was stopped, looked for with the system's own tools.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { run } from '../../local/run.ts';
import type { TestPlace } from './cluster.ts';

/** One line for each thing found; empty when nothing is left. */
export async function remains({ paths, name }: TestPlace): Promise<string[]> {
  const [links, rules, routes] = await Promise.all([
    run('ip', ['-o', 'link']),
    run('nft', ['list', 'tables']),
    run('ip', ['route', 'show', 'type', 'unreachable']),
  ]);
  const own = (text: string): boolean => text.includes(paths.id) || text.includes(`/${name}/`);
  return [
    ...processes()
      .filter(own)
      .map((line) => `process ${line}`),
    ...readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .filter(own)
      .map((line) => `mount ${line}`),
    ...namespaces()
      .filter((line) => line.startsWith(`${paths.id}.`))
      .map((line) => `network namespace ${line}`),
    ...cgroups()
      .filter(own)
      .map((line) => `cgroup ${line}`),
    ...lines(rules.stdout)
      .filter(own)
      .map((line) => `nft ${line}`),
    ...(existsSync(paths.run) ? [`folder ${paths.run}`] : []),
    ...cached()
      .filter(own)
      .map((line) => `CNI result ${line}`),
    ...(clusters().length === 0
      ? [...lines(links.stdout).filter((line) => line.includes('slipway')), ...lines(routes.stdout)]
      : []),
  ];
}

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');

const list = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder) : []);

function processes(): string[] {
  return list('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return [];
    try {
      return [`${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')}`];
    } catch {
      return [];
    }
  });
}

const namespaces = (): string[] => list('/run/netns');
const cached = (): string[] => list('/var/lib/cni/results');
const clusters = (): string[] => namespaces().filter((line) => line.startsWith('slipway'));
const cgroups = (): string[] =>
  [
    ...list('/sys/fs/cgroup'),
    ...list('/sys/fs/cgroup').flatMap((controller) => list(`/sys/fs/cgroup/${controller}`)),
  ].filter((line) => line.startsWith('slipway'));
