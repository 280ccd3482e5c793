// The sync call over HTTP (core/api/node-sync.ts).
import type { NodeSyncRequest, NodeSyncResponse } from '../core/api/node-sync.ts';
import type { Client } from '../core/client/client.ts';
import { errorOf } from '../core/client/status.ts';

/** Throws StatusError when the API refuses, and what `fetch` throws when it is away. */
export async function callSync(client: Client, nodeName: string, request: NodeSyncRequest): Promise<NodeSyncResponse> {
  const answer = await client.raw(`/api/v1/nodes/${nodeName}/sync`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(request),
  });
  if (!answer.ok) throw await errorOf(answer);
  return (await answer.json()) as NodeSyncResponse;
}
