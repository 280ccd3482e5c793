// POST /api/v1/nodes/NAME/sync: the one call between a node and the control plane (core/api/node-sync.ts). Only the node
// itself may call it, and whoever may do everything; each write goes through admission as that caller.
import { badRequest, StatusError } from '../../api/errors.ts';
import { findKind } from '../../api/kinds/index.ts';
import { maxSyncEvents, type NodeSyncRequest, type NodeSyncResponse } from '../../api/node-sync.ts';
import type { Stored } from '../../api/objects.ts';
import type { Node } from '../../api/types.gen.ts';
import type { NodeChanges } from '../nodes/changes.ts';
import { writeReports } from '../nodes/reports.ts';
import { readBody } from '../read-body.ts';
import { served } from '../serialize.ts';
import type { HandlerContext, SubresourceHandler } from '../server.ts';

/** A full node with its images and statuses stays far below. */
const maxBodyBytes = 8 * 1024 * 1024;
/** A lease may miss three renewals before it lapses. */
const renewalsPerLease = 4;
const minLeaseSeconds = 4;
const maxLeaseSeconds = 3600;

/** @param agentVersion what the host wants workers to run; asked for each call */
export const nodeSyncHandler = (changes: NodeChanges, agentVersion?: () => string | undefined): SubresourceHandler => ({
  verbs: ['create'],
  async handle(context): Promise<Response> {
    const { name } = context.info;
    const request = await readRequest(context);
    const { node, refused } = await writeReports(context, name, request);
    const changed = await changes.read(name, request.since, request.peers === true);
    const kind = findKind('', 'v1', 'nodes');
    if (!kind) throw new StatusError('InternalError', 'the kind of nodes is not registered');
    const wanted = agentVersion?.();
    const response: NodeSyncResponse = {
      ...changed,
      ...(wanted ? { agentVersion: wanted } : {}),
      node: served(kind, node) as unknown as Stored<Node>,
      refused,
      nextSyncMs: Math.round((request.leaseDurationSeconds * 1000) / renewalsPerLease),
    };
    return Response.json(response);
  },
});

/** Throws BadRequest and RequestEntityTooLarge. */
async function readRequest({ request }: HandlerContext): Promise<NodeSyncRequest> {
  const text = new TextDecoder().decode(await readBody(request, maxBodyBytes));
  let body: Partial<NodeSyncRequest> | null;
  try {
    body = JSON.parse(text) as Partial<NodeSyncRequest> | null;
  } catch {
    throw badRequest('the body of a node sync must be JSON');
  }
  const { leaseDurationSeconds: lease, time, podStatuses, podsGone, events, nodeStatus, since, peers } = body ?? {};
  if (typeof lease !== 'number' || !(lease >= minLeaseSeconds && lease <= maxLeaseSeconds)) {
    throw badRequest(`leaseDurationSeconds must be between ${minLeaseSeconds} and ${maxLeaseSeconds}`);
  }
  if (time !== undefined && (typeof time !== 'string' || Number.isNaN(Date.parse(time)))) {
    throw badRequest('time must be an RFC 3339 time');
  }
  if (events !== undefined && !(Array.isArray(events) && events.length <= maxSyncEvents)) {
    throw badRequest(`events must be a list of at most ${maxSyncEvents}`);
  }
  return {
    leaseDurationSeconds: Math.round(lease),
    ...(time ? { time } : {}),
    podStatuses: named(podStatuses, 'podStatuses'),
    podsGone: named(podsGone, 'podsGone'),
    ...(events ? { events } : {}),
    ...(nodeStatus && typeof nodeStatus === 'object' ? { nodeStatus } : {}),
    ...(typeof since === 'string' ? { since } : {}),
    peers: peers === true,
  };
}

function named<T extends { namespace: string; name: string; uid: string }>(list: T[] | undefined, field: string): T[] {
  if (list === undefined) return [];
  const isText = (value: unknown): boolean => typeof value === 'string' && value !== '';
  const ok = Array.isArray(list) && list.every((it) => it && isText(it.namespace) && isText(it.name) && isText(it.uid));
  if (!ok) throw badRequest(`${field} must be a list of entries with namespace, name and uid`);
  const statuses = (list as { status?: unknown }[]).every(
    (it) => !('status' in it) || (it.status && typeof it.status === 'object'),
  );
  if (!statuses) throw badRequest(`${field} must hold each status as an object`);
  return list;
}
