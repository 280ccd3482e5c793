// slipway kubeconfig
import { controlPlaneFiles } from '../../local/cluster/control-plane-part.ts';
import { Failure } from '../../local/failure.ts';
import { adminKubeconfig, kubeconfigText } from '../../local/kubeconfig.ts';
import { clusterPaths } from '../../local/state/paths.ts';
import { readReady } from '../../local/state/ready-file.ts';
import { needsRoot } from '../as-root.ts';
import type { StackOptions } from './stack-kubeconfig.ts';

export async function kubeconfigCommand(options: { name: string } & Partial<StackOptions>): Promise<void> {
  const { stack } = options;
  if (stack) return await (await import('./stack-kubeconfig.ts')).stackKubeconfig({ ...options, stack });
  const paths = clusterPaths(options.name);
  if (await needsRoot(paths)) return;
  const ready = readReady(controlPlaneFiles(paths).ready);
  if (!ready) throw new Failure(`cluster "${options.name}" is not running`, 'slipway up');
  process.stdout.write(kubeconfigText(adminKubeconfig(paths.id, ready)));
}
