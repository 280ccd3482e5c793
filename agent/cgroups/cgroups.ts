// Pod-level cgroups in the QoS tree `<root>/{burstable,besteffort}/pod<uid>`; containers' own cgroups are made below by
// the runtime. https://kubernetes.io/docs/concepts/architecture/cgroups/
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, rmdir, writeFile } from 'node:fs/promises';
import { v1Files, v2Files, weights } from './limits.ts';
import type { PodResources } from './resources.ts';

export interface CgroupTree {
  version: 1 | 2;
  /** Folders of the hierarchies that limits are written to, by controller (v2: one folder, under ''). */
  controllers: Map<string, string>;
}

/** What is mounted on this machine. `at` is another root for tests. */
export function detectCgroups(at = '/sys/fs/cgroup'): CgroupTree {
  if (existsSync(`${at}/cgroup.controllers`)) return { version: 2, controllers: new Map([['', at]]) };
  // Besides the controllers there may be named hierarchies and an empty v2 one: the runtime makes its groups in all of them.
  const names = readdirSync(at).filter((name) => existsSync(`${at}/${name}/cgroup.procs`));
  return { version: 1, controllers: new Map(names.map((name) => [name, `${at}/${name}`])) };
}

const missing = (error: NodeJS.ErrnoException): void => {
  if (error.code !== 'ENOENT') throw error;
};

/** cgroup v1's cpuset refuses processes until its cpus and mems are set: they are taken from the parent. */
async function inheritCpuset(root: string, path: string): Promise<void> {
  let parent = root;
  for (const part of path.split('/').filter(Boolean)) {
    const child = `${parent}/${part}`;
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      if (!existsSync(`${child}/${file}`) || readFileSync(`${child}/${file}`, 'utf8').trim() !== '') continue;
      await writeFile(`${child}/${file}`, readFileSync(`${parent}/${file}`, 'utf8').trim());
    }
    parent = child;
  }
}

export class Cgroups {
  readonly tree: CgroupTree;
  /** `/slipway/<cluster>/<node>/kubepods`. */
  readonly root: string;

  constructor(tree: CgroupTree, root: string) {
    this.tree = tree;
    this.root = root;
  }

  podPath(uid: string, qos: string): string {
    const group = qos === 'Guaranteed' ? '' : `/${qos.toLowerCase()}`;
    return `${this.root}${group}/pod${uid}`;
  }

  /** Makes the QoS groups, with the weights that let best-effort pods wait behind all others. */
  async setUp(): Promise<void> {
    await this.#make(this.root);
    for (const group of ['burstable', 'besteffort']) await this.#make(`${this.root}/${group}`);
    const { controller, file, least } = weights[this.tree.version];
    await this.#write(`${this.root}/besteffort`, { [controller]: { [file]: String(least) } });
    this.#weighBurstable();
  }

  /** Makes the pod's cgroup with its limits; on v1 memory counts below it too. */
  async createPod(uid: string, resources: PodResources): Promise<string> {
    const path = this.podPath(uid, resources.qos);
    await this.#make(path);
    await this.#write(path, this.tree.version === 2 ? { '': v2Files(resources) } : v1Files(resources));
    if (resources.qos === 'Burstable') this.#weighBurstable();
    return path;
  }

  /** Removes the pod's cgroup wherever it is, with what is left below it. */
  async removePod(uid: string): Promise<void> {
    for (const qos of ['Guaranteed', 'Burstable', 'BestEffort']) await this.#remove(this.podPath(uid, qos));
    this.#weighBurstable();
  }

  /** Uids of pods that have a cgroup. */
  pods(): string[] {
    const base = [...this.tree.controllers.values()][0] ?? '';
    const found = ['', '/burstable', '/besteffort'].flatMap((group) => {
      try {
        return readdirSync(`${base}${this.root}${group}`);
      } catch {
        return [];
      }
    });
    return found.filter((name) => name.startsWith('pod')).map((name) => name.slice(3));
  }

  /**
   * Guaranteed pods stand beside the group of burstable ones, so it weighs what its pods weigh together, as kubelet has it: the kernel's
   * own default would be that of 1 CPU in version 1 and of 2.5 in version 2. Pods of an agent before this one count too, so the kernel
   * is asked; without a pause in between, so that the sum that is written last is of the present.
   */
  #weighBurstable(): void {
    const { controller, file, least, most } = weights[this.tree.version];
    const at = this.tree.controllers.get(controller);
    if (at === undefined) return;
    const group = `${at}${this.root}/burstable`;
    try {
      const sum = readdirSync(group)
        .filter((name) => name.startsWith('pod'))
        .reduce((total, name) => total + weightIn(`${group}/${name}/${file}`), 0);
      writeFileSync(`${group}/${file}`, String(Math.min(Math.max(sum, least), most)));
    } catch (error) {
      missing(error as NodeJS.ErrnoException);
    }
  }

  async #make(path: string): Promise<void> {
    await Promise.all(
      [...this.tree.controllers].map(async ([controller, at]) => {
        await mkdir(`${at}${path}`, { recursive: true });
        if (controller === 'cpuset') await inheritCpuset(at, path);
        if (this.tree.version === 2) await this.#delegate(at, path);
      }),
    );
  }

  /** v2: controllers have to be switched on in every ancestor. */
  async #delegate(at: string, path: string): Promise<void> {
    const parts = path.split('/').filter(Boolean);
    for (let depth = 0; depth < parts.length; depth++) {
      const folder = [at, ...parts.slice(0, depth)].join('/');
      const wanted = ['cpu', 'memory', 'pids', 'cpuset', 'io'];
      const available = readFileSync(`${folder}/cgroup.controllers`, 'utf8').trim().split(' ');
      const text = wanted
        .filter((c) => available.includes(c))
        .map((c) => `+${c}`)
        .join(' ');
      if (text) await writeFile(`${folder}/cgroup.subtree_control`, text);
    }
  }

  async #write(path: string, files: Record<string, Record<string, string>>): Promise<void> {
    for (const [controller, values] of Object.entries(files)) {
      const at = this.tree.controllers.get(controller);
      if (at === undefined) continue;
      for (const [file, value] of Object.entries(values)) await writeFile(`${at}${path}/${file}`, value);
    }
  }

  async #remove(path: string): Promise<void> {
    for (const at of new Set(this.tree.controllers.values())) await removeTree(`${at}${path}`);
  }

  /** Takes the whole tree of the node away (nothing may run in it). */
  async tearDown(): Promise<void> {
    await this.#remove(this.root);
  }
}

/** 0 for a pod that goes at this moment. */
function weightIn(file: string): number {
  try {
    return Number(readFileSync(file, 'utf8'));
  } catch {
    return 0;
  }
}

/** cgroups are folders that only rmdir removes, from the leaves. */
async function removeTree(folder: string): Promise<void> {
  let entries: string[];
  try {
    entries = (await readdir(folder, { withFileTypes: true })).filter((e) => e.isDirectory()).map((e) => e.name);
  } catch (error) {
    return missing(error as NodeJS.ErrnoException);
  }
  for (const name of entries) await removeTree(`${folder}/${name}`);
  await rmdir(folder).catch(missing);
}
