// Requests to the API through API Gateway, with the tokens that `slipway token` makes.
import { identityToken } from '../../aws/identity/token.ts';
import type { EmulatedCluster } from '../emulator/cluster.ts';
import { region } from '../emulator/emulator.ts';
import { assumeRole } from '../emulator/instance-metadata.ts';

interface Answer {
  status: number;
  body: string;
}

/** One request; `token`: the administrator's if absent. */
export async function ask(cluster: EmulatedCluster, path: string, token?: string): Promise<Answer> {
  const { endpoint } = cluster.emulator;
  const [id] = cluster.front.hostname.split('.');
  const answer = await fetch(`${endpoint}/restapis/${id}/k8s/_user_request_${path}`, {
    headers: { authorization: `Bearer ${token ?? (await tokenFor(cluster))}`, accept: 'application/json' },
  });
  return { status: answer.status, body: await answer.text() };
}

export interface TokenOptions {
  /** ARN; the administrators' if absent. */
  role?: string;
  /** That it is made for. */
  cluster?: string;
  nowMs?: number;
}

export async function tokenFor(cluster: EmulatedCluster, given: TokenOptions = {}): Promise<string> {
  const { endpoint } = cluster.emulator;
  const session = await assumeRole(endpoint, given.role ?? cluster.deployment.adminRole, 'ann', region);
  const credentials = {
    accessKeyId: session.AccessKeyId,
    secretAccessKey: session.SecretAccessKey,
    sessionToken: session.Token,
  };
  const made = { credentials, region, cluster: given.cluster ?? cluster.name, nowMs: given.nowMs ?? Date.now() };
  return (await identityToken({ ...made, endpoint })).token;
}
