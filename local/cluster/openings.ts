// What a cluster needs of its machine's firewall, and how it gets it back after somebody loaded the firewall anew.
import type { AddressPlan } from '../network/addresses.ts';
import { restoreEgress } from '../network/egress.ts';
import { type Opening, openFirewall, toMachine, wayOut } from '../network/firewall.ts';
import type { Progress } from '../progress.ts';
import { registryPart } from '../registry/registry.ts';
import { registryAddress } from '../registry/settings.ts';
import type { ClusterPaths } from '../state/paths.ts';
import type { ProcessTable } from '../state/processes.ts';
import type { ClusterSpec } from '../state/spec.ts';

export interface Opened {
  paths: ClusterPaths;
  spec: ClusterSpec;
  plan: AddressPlan;
  table: Pick<ProcessTable, 'alive'>;
}

/** The registry may have another port at each start. */
const registryOpening = (plan: AddressPlan, port: number): Opening => toMachine(`registry-${port}`, plan, port);

/** Nodes reach the control plane, the registry if it runs, and the outside if they may. */
function openingsOf({ paths, spec, plan, table }: Opened): Opening[] {
  const port = spec.registry && table.alive(registryPart) ? registryAddress(paths)?.split(':')[1] : undefined;
  return [
    toMachine('api', plan, spec.port),
    ...(port ? [registryOpening(plan, Number(port))] : []),
    ...(spec.egress ? wayOut(plan) : []),
  ];
}

/** Returns what was missing. */
export const openAll = (of: Opened): Promise<string[]> => openFirewall(of.paths.id, openingsOf(of));

/** For a registry that is being started. */
export const openRegistry = ({ paths, plan }: Opened, port: number): Promise<string[]> =>
  openFirewall(paths.id, [registryOpening(plan, port)]);

/** Of a cluster whose network stands. Says so where anything was missing. */
export async function openAgain(of: Opened, progress: Pick<Progress, 'say'>): Promise<void> {
  const { paths, spec } = of;
  const [opened, translated] = await Promise.all([
    openAll(of),
    spec.egress ? restoreEgress({ table: paths.id, run: paths.run }) : false,
  ]);
  const missing = [...opened, ...(translated ? ['masquerading'] : [])];
  if (missing.length > 0)
    progress.say(`The firewall did not know the cluster any more: opened again (${missing.join(', ')}).`);
}
