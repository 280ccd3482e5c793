// node lab-remains.ts FOLDER: removes a lab from the machine, whatever state it is in; containers, containerd, network, cgroups, files.
import { rmSync } from 'node:fs';
import {
  clearCgroup,
  endContainers,
  forgetContainers,
  forgetPodNetworks,
  processesNaming,
} from '../../local/remains/containers.ts';
import { unmountBelow } from '../../local/remains/mounts.ts';
import { run } from '../../local/run.ts';
import { terminate } from '../../local/state/processes.ts';

/** What a lab in this folder has on the machine, by names that it shares with no other. */
export const labNames = (folder: string) => {
  const id = folder.slice(-6).toLowerCase();
  return {
    run: folder,
    cgroup: `/slipway-lab-${id}`,
    socket: `${folder}/ctd.sock`,
    network: `lab-${id}`,
    bridge: `lab${id}`,
  };
};

const closeWithinMs = 5000;

async function clear(folder: string): Promise<void> {
  const lab = labNames(folder);
  const tasks = await endContainers([lab], 0);
  await terminate(processesNaming(`${folder}/`), closeWithinMs);
  forgetContainers(tasks);
  forgetPodNetworks(`${lab.network}-`);
  await run('ip', ['link', 'del', lab.bridge]);
  const left = [...(await unmountBelow([folder])), ...(await clearCgroup(lab.cgroup))];
  if (left.length > 0) throw new Error(`left: ${left.join(', ')}`);
  rmSync(folder, { recursive: true, force: true });
}

if (import.meta.main) await clear(process.argv[2]!);
