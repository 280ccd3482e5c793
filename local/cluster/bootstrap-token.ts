// The token with which nodes ask for their first certificate.
// https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Secret } from '../../core/api/types.gen.ts';
import type { Client } from '../../core/client/client.ts';
import { resources } from '../../core/client/resources.ts';
import { timestamp } from '../../core/ports.ts';
import type { ClusterPaths } from '../state/paths.ts';
import { writeFileAtomic } from '../state/spec.ts';

const validForMs = 60 * 60 * 1000;

export interface BootstrapToken {
  id: string;
  secret: string;
  /** Holds `id.secret`; only its owner reads it. */
  file: string;
}

export function newBootstrapToken(paths: ClusterPaths): BootstrapToken {
  const token = {
    id: randomBytes(3).toString('hex'),
    secret: randomBytes(8).toString('hex'),
    file: join(paths.dir, 'bootstrap-token'),
  };
  writeFileAtomic(token.file, `${token.id}.${token.secret}`);
  return token;
}

const encoded = (text: string): string => Buffer.from(text).toString('base64');
const nameOf = (token: BootstrapToken): string => `bootstrap-token-${token.id}`;

/** Makes it known to the cluster, for an hour at most. */
export async function createBootstrapToken(client: Client, token: BootstrapToken, now = Date.now()): Promise<void> {
  const object = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: nameOf(token), namespace: 'kube-system' },
    type: 'bootstrap.kubernetes.io/token',
    data: {
      'token-id': encoded(token.id),
      'token-secret': encoded(token.secret),
      expiration: encoded(timestamp(now + validForMs)),
      'usage-bootstrap-authentication': encoded('true'),
      description: encoded('slipway up: for nodes of this machine'),
    },
  } satisfies Secret;
  await client.create<Secret>(resources.secrets, object, { namespace: 'kube-system' });
}

/** Nodes that have joined need it no more. */
export async function deleteBootstrapToken(client: Client, token: BootstrapToken): Promise<void> {
  rmSync(token.file, { force: true });
  await client.delete(resources.secrets, { namespace: 'kube-system', name: nameOf(token) });
}
