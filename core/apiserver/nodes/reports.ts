// What a node reports, written through the same verbs, admission and validation as everybody's writes, as the node itself.
import { badRequest, isStatus, notFound, StatusError } from '../../api/errors.ts';
import { copyJson } from '../../api/json-value.ts';
import { findKind } from '../../api/kinds/index.ts';
import type { Kind } from '../../api/kinds/kind.ts';
import type { NodeSyncRequest, PodGone, PodReport } from '../../api/node-sync.ts';
import type { KubeObject, ObjectKey } from '../../api/objects.ts';
import { DecodeError, prune } from '../../api/schema/walker.ts';
import type { Lease, Node, NodeStatus, Pod, PodStatus } from '../../api/types.gen.ts';
import { microTimestamp } from '../../ports.ts';
import type { StoredObject } from '../../store/store.ts';
import type { WriteScope } from '../call.ts';
import type { HandlerContext } from '../server.ts';
import { createObject } from '../verbs/create.ts';
import { deleteObject } from '../verbs/delete.ts';
import { updateObject } from '../verbs/update.ts';
import { writeEvents } from './events.ts';
import { mergeNodeStatus } from './node-status.ts';
import { mergePodStatus, staleReason } from './pod-status.ts';

export const leaseNamespace = 'kube-node-lease';
const manager = 'kubelet';

export interface Refused extends PodGone {
  message: string;
}

type Writer = Pick<HandlerContext, 'deps' | 'user'>;

function kindOf(group: string, plural: string): Kind {
  const kind = findKind(group, 'v1', plural);
  if (!kind) throw new StatusError('InternalError', `the kind of ${plural} is not registered`);
  return kind;
}

const scopeFor = ({ deps, user }: Writer, kind: Kind, key: ObjectKey, subresource: string): WriteScope => ({
  deps,
  kind,
  user,
  warnings: [],
  namespace: key.namespace,
  name: key.name,
  subresource,
  dryRun: false,
  fieldManager: manager,
  options: {},
});

/**
 * Part of the lease's duration within which it is new enough. A node calls four times in it, so that every second call renews it
 * (one that is lost is made up for by the next), and a doorbell for each pod costs no write.
 */
const freshShare = 3 / 8;

function isFresh(lease: Lease, holder: string, durationSeconds: number, nowMs: number): boolean {
  const { holderIdentity, leaseDurationSeconds, renewTime } = lease.spec ?? {};
  const ageMs = nowMs - Date.parse(renewTime ?? '');
  return (
    holderIdentity === holder &&
    leaseDurationSeconds === durationSeconds &&
    ageMs >= 0 &&
    ageMs < durationSeconds * 1000 * freshShare
  );
}

/**
 * Renews the node's lease unless it is fresh, or makes it, owned by the node so that it goes with it. As a kubelet does, by its clock.
 * An agent that has just begun renews it in any case: who waits for the node sees that it is back.
 */
export async function renewLease(writer: Writer, node: KubeObject, request: NodeSyncRequest): Promise<void> {
  const { leaseDurationSeconds: durationSeconds, time, since } = request;
  const name = node.metadata.name ?? '';
  const key = { namespace: leaseNamespace, name };
  const scope = scopeFor(writer, kindOf('coordination.k8s.io', 'leases'), key, '');
  const nowMs = time ? Date.parse(time) : writer.deps.clock.now();
  const spec = {
    holderIdentity: name,
    leaseDurationSeconds: durationSeconds,
    renewTime: microTimestamp(nowMs),
  };
  try {
    await updateObject(scope, key, (current) => ({
      ...current,
      metadata: { ...current.metadata },
      // As it is, it is not written.
      spec:
        since !== undefined && isFresh(current, name, durationSeconds, nowMs)
          ? current['spec']
          : { ...(current as Lease).spec, ...spec },
    }));
  } catch (error) {
    if (!isStatus(error, 'NotFound')) throw error;
    const owner = { apiVersion: 'v1', kind: 'Node', name, uid: node.metadata.uid ?? '' };
    await createObject(
      { ...scope, name: '' },
      {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { ...key, ownerReferences: [owner] },
        spec,
      },
    );
  }
}

/** As any body is read: unknown fields go, wrong types are refused. Throws BadRequest. */
function readStatus<T>(type: 'PodStatus' | 'NodeStatus', sent: unknown): T {
  try {
    return prune<T>(`io.k8s.api.core.v1.${type}`, sent);
  } catch (error) {
    if (error instanceof DecodeError) throw badRequest(`the ${type} cannot be read: ${error.message}`);
    throw error;
  }
}

/** A whole copy: what is stored is frozen, and defaulting changes what it is given. */
const withStatus = (current: KubeObject, status: PodStatus | NodeStatus): KubeObject =>
  copyJson({ ...current, status });

export async function writeNodeStatus(writer: Writer, name: string, reported: NodeStatus): Promise<StoredObject> {
  const key = { namespace: '', name };
  const scope = scopeFor(writer, kindOf('', 'nodes'), key, 'status');
  const status = readStatus<NodeStatus>('NodeStatus', reported);
  const change = (current: KubeObject): KubeObject =>
    withStatus(current, mergeNodeStatus((current as Node).status, status));
  return (await updateObject(scope, key, change)).stored;
}

/** Writes at most this many objects at a time. */
const concurrency = 16;

async function eachRefused<T extends PodGone>(
  items: readonly T[],
  write: (item: T) => Promise<string | undefined>,
): Promise<Refused[]> {
  const refused: Refused[] = [];
  for (let from = 0; from < items.length; from += concurrency) {
    const part = items.slice(from, from + concurrency);
    const messages = await Promise.all(part.map((item) => messageOf(write(item))));
    messages.forEach((message, i) => {
      const item = part[i];
      if (!message || !item) return;
      refused.push({ namespace: item.namespace, name: item.name, uid: item.uid, message });
    });
  }
  return refused;
}

/** A refused write concerns one pod; a failing store fails the whole call, which the node repeats. */
async function messageOf(write: Promise<string | undefined>): Promise<string | undefined> {
  try {
    return await write;
  } catch (error) {
    if (isStatus(error) && error.code < 500) return error.message;
    throw error;
  }
}

const podGoneMessage = 'the pod does not exist any more';

export function writePodStatuses(writer: Writer, node: string, reports: readonly PodReport[]): Promise<Refused[]> {
  const kind = kindOf('', 'pods');
  return eachRefused(reports, async ({ namespace, name, uid, status: sent }) => {
    const key = { namespace, name };
    const status = readStatus<PodStatus>('PodStatus', sent);
    const change = (current: KubeObject): KubeObject => {
      const pod = current as Pod;
      if (current.metadata.uid !== uid) throw new StatusError('Conflict', podGoneMessage);
      if (pod.spec?.nodeName !== node) throw new StatusError('Conflict', 'the pod is not bound to this node');
      const stale = staleReason(pod.status, status);
      if (stale) throw new StatusError('Conflict', stale);
      return withStatus(current, mergePodStatus(pod, status));
    };
    try {
      await updateObject(scopeFor(writer, kind, key, 'status'), key, change);
    } catch (error) {
      if (isStatus(error, 'NotFound')) return podGoneMessage;
      throw error;
    }
    return undefined;
  });
}

/** Removes pods that were deleted and whose containers have ended. One that is gone already is no refusal. */
export function removePods(writer: Writer, node: string, gone: readonly PodGone[]): Promise<Refused[]> {
  const kind = kindOf('', 'pods');
  return eachRefused(gone, async ({ namespace, name, uid }) => {
    const key = { namespace, name };
    const standing = await writer.deps.store.get(kind.resource, key);
    if (!standing || standing.object.metadata.uid !== uid) return undefined;
    if ((standing.object as Pod).spec?.nodeName !== node) return 'the pod is not bound to this node';
    if (!standing.object.metadata.deletionTimestamp) return 'the pod is not being deleted';
    const options = { gracePeriodSeconds: 0, preconditions: { uid }, dryRun: false };
    try {
      await deleteObject(scopeFor(writer, kind, key, ''), key, options);
    } catch (error) {
      if (!isStatus(error, 'NotFound')) throw error;
    }
    return undefined;
  });
}

/** Throws NotFound: a node that was deleted has to register again. */
export async function readNode(writer: Writer, name: string): Promise<StoredObject> {
  const found = await writer.deps.store.get('nodes', { namespace: '', name });
  if (!found) throw notFound({ plural: 'nodes', group: '' }, name);
  return found;
}

/** Everything that one sync call reports, in an order in which a pod's last status comes before its removal. */
export async function writeReports(
  writer: Writer,
  name: string,
  request: NodeSyncRequest,
): Promise<{ node: StoredObject; refused: Refused[] }> {
  const node = await readNode(writer, name);
  const [, updated, refused] = await Promise.all([
    renewLease(writer, node.object, request),
    request.nodeStatus ? writeNodeStatus(writer, name, request.nodeStatus) : undefined,
    writePodStatuses(writer, name, request.podStatuses),
    writeEvents(writer, request.events ?? [], manager),
  ]);
  const gone = await removePods(writer, name, request.podsGone);
  return { node: updated ?? node, refused: [...refused, ...gone] };
}
