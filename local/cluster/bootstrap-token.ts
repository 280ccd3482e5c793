// The token with which nodes ask for their first certificate.
// https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { isStatus } from '../../core/api/errors.ts';
import type { Secret } from '../../core/api/types.gen.ts';
import type { Client } from '../../core/client/client.ts';
import { resources } from '../../core/client/resources.ts';
import type { ClusterPaths } from '../state/paths.ts';
import { writeFileAtomic } from '../state/spec.ts';

const validForMs = 60 * 60 * 1000;

export const bootstrapTokenFile = (paths: ClusterPaths): string => join(paths.dir, 'bootstrap-token');

/** Makes a token that lives for an hour and leaves it, as `id.secret`, in a file that only its owner reads. */
export async function createBootstrapToken(paths: ClusterPaths, client: Client, now = Date.now()): Promise<void> {
  const id = randomBytes(3).toString('hex');
  const secret = randomBytes(8).toString('hex');
  const encoded = (text: string): string => Buffer.from(text).toString('base64');
  const object: Secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: `bootstrap-token-${id}`, namespace: 'kube-system' },
    type: 'bootstrap.kubernetes.io/token',
    data: {
      'token-id': encoded(id),
      'token-secret': encoded(secret),
      expiration: encoded(new Date(now + validForMs).toISOString().replace(/\.\d+Z$/, 'Z')),
      'usage-bootstrap-authentication': encoded('true'),
      description: encoded('slipway up: for nodes of this machine'),
    },
  };
  try {
    await client.create(resources.secrets, object, { namespace: 'kube-system' });
  } catch (error) {
    if (isStatus(error, 'AlreadyExists')) return createBootstrapToken(paths, client, now);
    throw error;
  }
  writeFileAtomic(bootstrapTokenFile(paths), `${id}.${secret}`);
}
