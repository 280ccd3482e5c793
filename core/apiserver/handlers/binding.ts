// POST pods/NAME/binding (and the older POST bindings): the scheduler's decision, written once.
// Follows https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/binding-v1/
import { badRequest, conflict, invalid, modifiedConflict, notFound } from '../../api/errors.ts';
import { requiredValue, unsupportedValue } from '../../api/field-errors.ts';
import { findKind } from '../../api/kinds/index.ts';
import type { KubeObject } from '../../api/objects.ts';
import type { Binding, Pod, PodCondition } from '../../api/types.gen.ts';
import { timestamp } from '../../ports.ts';
import type { StoredObject } from '../../store/store.ts';
import { admissionRequest, mutateAdmission, releaseAll, validateAdmission } from '../admission.ts';
import { scopeOf } from '../call.ts';
import { maxWriteAttempts } from '../limits.ts';
import { matchNamespace } from '../metadata.ts';
import { writeOptions } from '../options.ts';
import type { HandlerContext, SubresourceHandler } from '../server.ts';
import { success } from './status-success.ts';

const schema = 'io.k8s.api.core.v1.Binding';
const subresource = { plural: 'pods/binding', group: '' };

/** What stands in the way of assigning the pod to a node. */
function obstacle(pod: Pod, name: string): string | undefined {
  if (pod.metadata?.deletionTimestamp) return `pod ${name} is being deleted, cannot be assigned to a host`;
  if (pod.spec?.nodeName) return `pod ${name} is already assigned to node "${pod.spec.nodeName}"`;
  if (pod.spec?.schedulingGates?.length) return `pod ${name} has non-empty .spec.schedulingGates`;
  return undefined;
}

/** The pod as it is once bound. */
function bound(pod: Pod, binding: Binding, now: string): KubeObject {
  const { annotations, labels } = binding.metadata ?? {};
  const conditions = pod.status?.conditions ?? [];
  const standing = conditions.find(({ type }) => type === 'PodScheduled');
  const condition: PodCondition =
    standing?.status === 'True'
      ? standing
      : { type: 'PodScheduled', status: 'True', lastProbeTime: null as never, lastTransitionTime: now };
  const { nominatedNodeName: _gone, ...status } = pod.status ?? {};
  return {
    ...(pod as KubeObject),
    metadata: {
      ...pod.metadata,
      ...(annotations ? { annotations: { ...pod.metadata?.annotations, ...annotations } } : {}),
      ...(labels ? { labels: { ...pod.metadata?.labels, ...labels } } : {}),
    },
    spec: { ...pod.spec, nodeName: binding.target.name },
    status: { ...status, conditions: [...conditions.filter((other) => other !== standing), condition] },
  };
}

function checkPreconditions(stored: StoredObject, { metadata }: Binding, name: string): void {
  const { uid } = stored.object.metadata;
  const of = { plural: 'pods', group: '' };
  if (metadata?.uid && metadata.uid !== uid) {
    throw conflict(of, name, `Precondition failed: UID in precondition: ${metadata.uid}, UID in object meta: ${uid}`);
  }
  if (metadata?.resourceVersion && metadata.resourceVersion !== String(stored.revision)) {
    throw conflict(
      of,
      name,
      `Precondition failed: ResourceVersion in precondition: ${metadata.resourceVersion}, ResourceVersion in object meta: ${stored.revision}`,
    );
  }
}

async function bind(context: HandlerContext, name: string, binding: Binding): Promise<KubeObject> {
  const { deps, info } = context;
  const pods = findKind('', 'v1', 'pods')!;
  const options = writeOptions(new URL(context.request.url).searchParams, 'CreateOptions');
  const scope = { ...scopeOf(context, pods, options), name, subresource: 'binding' };
  const object = binding as unknown as KubeObject;
  matchNamespace(object, info.namespace);
  const { kind, name: target } = binding.target;
  const errors = [
    ...(kind && kind !== 'Node' ? [unsupportedValue('target.kind', kind, ['Node', '<empty>'])] : []),
    ...(target ? [] : [requiredValue('target.name')]),
  ];
  if (errors.length > 0) throw invalid('Binding', '', name, errors);
  const request = admissionRequest(scope, 'CREATE', object, undefined);
  await mutateAdmission(deps, request);
  const releases = await validateAdmission(deps, request);
  try {
    await assign(context, name, binding, options.dryRun);
    return success(201);
  } catch (error) {
    await releaseAll(deps, releases);
    throw error;
  }
}

async function assign({ deps, info }: HandlerContext, name: string, binding: Binding, dryRun: boolean): Promise<void> {
  const key = { namespace: info.namespace, name };
  for (let attempt = 0; attempt < maxWriteAttempts; attempt++) {
    const stored = await deps.store.get('pods', key);
    if (!stored) throw notFound({ plural: 'pods', group: '' }, name);
    checkPreconditions(stored, binding, name);
    const pod = stored.object as Pod;
    const why = obstacle(pod, name);
    if (why) throw conflict(subresource, name, why);
    if (dryRun) return;
    const object = bound(pod, binding, timestamp(deps.clock.now()));
    const result = await deps.store.commit({ op: 'put', resource: 'pods', key, object, expected: stored.revision });
    if (result.ok) return;
  }
  throw modifiedConflict(subresource, name);
}

const discovery = { group: '', version: 'v1', kind: 'Binding' };

export const podBindingHandler: SubresourceHandler = {
  verbs: ['create'],
  discovery,
  async handle(context) {
    const binding = (await context.readBody(schema)) as unknown as Binding;
    if (binding.metadata?.name !== context.info.name)
      throw badRequest('name in URL does not match name in Binding object');
    return await bind(context, context.info.name, binding);
  },
};

export const bindingHandler: SubresourceHandler = {
  verbs: ['create'],
  async handle(context) {
    const binding = (await context.readBody(schema)) as unknown as Binding;
    const { name } = binding.metadata ?? {};
    if (!name) throw invalid('Binding', '', '', [requiredValue('metadata.name', 'name or generateName is required')]);
    return await bind(context, name, binding);
  },
};
