// Pulls an image into the nodes, as their agents do: each node's own runtime fetches it.
import { connectCri } from '../../agent/cri/client.ts';
import type { AuthConfig } from '../../agent/cri/messages.ts';
import { Failure } from '../failure.ts';
import { registryAddress, registryName } from '../registry/settings.ts';
import type { ClusterPaths, NodePaths } from '../state/paths.ts';
import { readSpec } from '../state/spec.ts';
import { fullReference } from './images.ts';
import { leftLogins } from './logins.ts';
import { type Login, pathOf, registryOf } from './push.ts';

async function pullInto(node: NodePaths, image: string, logins: readonly AuthConfig[]): Promise<void> {
  const cri = connectCri(node.socket);
  try {
    let failure: unknown;
    for (const auth of logins.length > 0 ? logins : [undefined]) {
      try {
        await cri.pullImage({ image }, auth, undefined);
        return;
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  } finally {
    cri.close();
  }
}

/** What a person may not have thought of. */
function hintFor(paths: ClusterPaths, reference: string, image: string): string | undefined {
  const own = registryAddress(paths);
  if (registryOf(image) === registryName)
    return own ? 'slipway image list shows what the registry holds' : 'npm start -- --registry gives the cluster one';
  if (own && !reference.startsWith(registryOf(image)))
    return `of the cluster's registry it would be ${registryName}/${pathOf(reference)}`;
  if (!readSpec(paths)?.egress) return 'nodes have no way out: slipway up --egress opens one';
  return undefined;
}

/**
 * Returns the full reference. Throws Failure with the runtime's words for the first node that could not.
 * `login`: undefined means what a login command left for this user.
 */
export async function pullEverywhere(
  paths: ClusterPaths,
  nodes: readonly NodePaths[],
  reference: string,
  login?: Login,
): Promise<string> {
  const image = fullReference(reference);
  const logins = login ? [{ username: login.username, password: login.password }] : leftLogins(image);
  const results = await Promise.allSettled(nodes.map((node) => pullInto(node, image, logins)));
  results.forEach((result, i) => {
    if (result.status === 'rejected')
      throw new Failure(
        `${nodes[i]!.name} could not pull ${image}: ${(result.reason as Error).message}`,
        hintFor(paths, reference, image),
      );
  });
  return image;
}
