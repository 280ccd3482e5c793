// slipway image pull
import { askAuthorization, ecrClient } from '../../aws/ecr/client.ts';
import { ecrHost } from '../../aws/ecr/hosts.ts';
import { Failure } from '../../local/failure.ts';
import { imageNodes } from '../../local/images/images.ts';
import { pullEverywhere } from '../../local/images/pull.ts';
import type { Login } from '../../local/images/push.ts';
import { terminalProgress } from '../../local/progress.ts';
import { clusterPaths } from '../../local/state/paths.ts';
import { needsRoot } from '../as-root.ts';
import { awsFailure } from './image-push.ts';

/** undefined: the image is in no registry of ECR. */
async function ecrLogin(reference: string): Promise<Login | undefined> {
  const host = ecrHost(reference);
  if (!host) return undefined;
  try {
    return await askAuthorization(ecrClient({ region: host.region, fips: host.fips }), Date.now());
  } catch (error) {
    throw awsFailure(error);
  }
}

export async function pullCommand(
  references: readonly string[],
  options: { name: string; stack?: string },
): Promise<void> {
  if (options.stack !== undefined)
    throw new Failure(
      'workers pull by themselves what their pods name; nobody outside can make them',
      'without --stack, and with the name that slipway image list --stack shows, the nodes on this machine pull it',
      2,
    );
  const paths = clusterPaths(options.name);
  if (await needsRoot(paths)) return;
  const nodes = await imageNodes(paths);
  const progress = terminalProgress(process.stdout);
  for (const reference of references) {
    const login = await ecrLogin(reference);
    await progress.step(`${reference} into ${nodes.length === 1 ? 'the node' : `${nodes.length} nodes`}`, () =>
      pullEverywhere(paths, nodes, reference, login),
    );
  }
}
