// GET, PUT and PATCH of the scale subresource: how many replicas, for all kinds that have some.
// Follows https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/scale-v1/
import { conflict, invalid, modifiedConflict } from '../../api/errors.ts';
import { invalidValue } from '../../api/field-errors.ts';
import { copyJson } from '../../api/json-value.ts';
import type { Kind } from '../../api/kinds/kind.ts';
import type { KubeObject } from '../../api/objects.ts';
import { formatSelector, labelSelectorRequirements } from '../../api/selectors.ts';
import type { LabelSelector, Scale } from '../../api/types.gen.ts';
import { type Call, scopeOf } from '../call.ts';
import { readObject } from '../decode-body.ts';
import { fieldOf } from '../json.ts';
import { matchName } from '../metadata.ts';
import { type WriteOptions, writeOptions } from '../options.ts';
import { served } from '../serialize.ts';
import type { HandlerContext, SubresourceHandler } from '../server.ts';
import { current } from '../verbs/get.ts';
import { patched, readPatch } from '../verbs/patch.ts';
import { updateObject } from '../verbs/update.ts';

/** What the walker and the patches need to know of a Scale. */
const scaleKind = {
  group: 'autoscaling',
  version: 'v1',
  kind: 'Scale',
  plural: 'scale',
  schema: 'io.k8s.api.autoscaling.v1.Scale',
} as Kind;

const pathOf = (text: string): string[] => text.split('.').filter(Boolean);
const numberAt = (object: KubeObject, path: string): number => Number(fieldOf(object, ...pathOf(path)) ?? 0);

/** A label selector, or (replication controllers) a plain map of labels. */
function selectorText(selector: unknown): string {
  if (typeof selector !== 'object' || selector === null) return '';
  const isSelector = 'matchLabels' in selector || 'matchExpressions' in selector;
  const object = isSelector ? (selector as LabelSelector) : { matchLabels: selector as Record<string, string> };
  return formatSelector(labelSelectorRequirements(object) ?? []);
}

function scaleOf(kind: Kind, object: KubeObject): KubeObject {
  const paths = kind.scale!;
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const replicas = numberAt(object, paths.specReplicas);
  const selector = selectorText(fieldOf(object, ...pathOf(paths.selector)));
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: replicas === 0 ? {} : { replicas },
    status: { replicas: numberAt(object, paths.statusReplicas), ...(selector ? { selector } : {}) },
  };
}

/** The object with the replicas that the scale wants. Throws Invalid and Conflict. */
function scaled(kind: Kind, object: KubeObject, wanted: KubeObject): KubeObject {
  const name = object.metadata.name ?? '';
  const { uid, resourceVersion } = wanted.metadata;
  if (uid && uid !== object.metadata.uid) {
    throw conflict(
      kind,
      name,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${object.metadata.uid}`,
    );
  }
  if (resourceVersion && resourceVersion !== object.metadata.resourceVersion) throw modifiedConflict(kind, name);
  const replicas = (wanted as Scale).spec?.replicas ?? 0;
  if (replicas < 0) {
    throw invalid('Scale', 'autoscaling', name, [
      invalidValue('spec.replicas', replicas, 'must be greater than or equal to 0'),
    ]);
  }
  const next = copyJson(object);
  const path = pathOf(kind.scale!.specReplicas);
  const holder = fieldOf(next, ...path.slice(0, -1)) as Record<string, unknown>;
  holder[path.at(-1)!] = replicas;
  return next;
}

async function write(
  context: HandlerContext,
  kind: Kind,
  options: WriteOptions,
  change: (scale: KubeObject) => KubeObject,
): Promise<KubeObject> {
  const scope = scopeOf(context, kind, options);
  const key = { namespace: scope.namespace, name: scope.name };
  const { stored } = await updateObject(scope, key, (object) => {
    const wanted = change(scaleOf(kind, object));
    matchName(wanted, scope.name, scope.namespace);
    return scaled(kind, object, wanted);
  });
  return scaleOf(kind, served(kind, stored));
}

export const scaleHandler: SubresourceHandler = {
  verbs: ['get', 'patch', 'update'],
  discovery: { group: 'autoscaling', version: 'v1', kind: 'Scale' },
  async handle(context) {
    const { kind, info } = context as Call;
    if (info.verb === 'get') return scaleOf(kind, served(kind, await current(context as Call)));
    const reading = { ...context, kind: scaleKind };
    const isPatch = info.verb === 'patch';
    const query = new URL(context.request.url).searchParams;
    const options = writeOptions(query, isPatch ? 'PatchOptions' : 'UpdateOptions');
    if (!isPatch) {
      const wanted = await readObject(reading, options.fieldValidation);
      return await write(context, kind, options, () => wanted);
    }
    const patch = await readPatch(context);
    return await write(context, kind, options, (scale) => patched(reading, patch, scale, options.fieldValidation));
  },
};
