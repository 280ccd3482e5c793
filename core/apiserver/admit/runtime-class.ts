// A pod's runtime class exists, and brings its overhead and the nodes that have it.
// Source: https://kubernetes.io/docs/concepts/containers/runtime-class/
import { compareQuantities } from '../../api/quantity.ts';
import type { Pod, RuntimeClass, Toleration } from '../../api/types.gen.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../server.ts';
import { type AdmissionDeps, concerns, podOf, readOnce, refusal } from './request.ts';

const resource = 'runtimeclasses.node.k8s.io';

export const runtimeClass = (deps: AdmissionDeps): AdmissionPlugin => ({
  name: 'RuntimeClass',
  async mutate(request) {
    if (!concerns(request, 'pods') || request.operation !== 'CREATE') return;
    const found = await classOf(deps, request);
    const { spec } = podOf(request);
    if (!found || !spec) return;
    const fixed = found.overhead?.podFixed;
    if (fixed) {
      if (Object.keys(spec.overhead ?? {}).length > 0 && !sameOverhead(fixed, spec.overhead)) throw differs(request);
      spec.overhead = { ...fixed };
    }
    if (found.scheduling) setScheduling(request, spec, found.scheduling);
  },
  async validate(request) {
    if (!concerns(request, 'pods') || request.operation !== 'CREATE') return undefined;
    const fixed = (await classOf(deps, request))?.overhead?.podFixed;
    const { overhead } = podOf(request).spec ?? {};
    if (fixed && !sameOverhead(fixed, overhead)) throw differs(request);
    if (!fixed && overhead) {
      throw refusal(request, 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead');
    }
    return undefined;
  },
});

const differs = (request: AdmissionRequest) =>
  refusal(request, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");

async function classOf({ store }: AdmissionDeps, request: AdmissionRequest): Promise<RuntimeClass | undefined> {
  const name = podOf(request).spec?.runtimeClassName;
  if (!name) return undefined;
  const found = await readOnce(store, request, resource, { namespace: '', name });
  if (!found) throw refusal(request, `pod rejected: RuntimeClass "${name}" not found`);
  return found as unknown as RuntimeClass;
}

type List = Record<string, string | number>;

function sameOverhead(a: List, b: List | undefined): boolean {
  const names = Object.keys(a);
  if (names.length !== Object.keys(b ?? {}).length) return false;
  return names.every((name) => b?.[name] !== undefined && compareQuantities(String(a[name]), String(b[name])) === 0);
}

function setScheduling(
  request: AdmissionRequest,
  spec: NonNullable<Pod['spec']>,
  { nodeSelector, tolerations }: NonNullable<RuntimeClass['scheduling']>,
): void {
  for (const [key, value] of Object.entries(nodeSelector ?? {})) {
    const own = spec.nodeSelector?.[key];
    if (own === undefined || own === value) continue;
    const why = `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${own}`;
    throw refusal(request, why);
  }
  if (nodeSelector) spec.nodeSelector = { ...spec.nodeSelector, ...nodeSelector };
  const own = spec.tolerations ?? [];
  const added = (tolerations ?? []).filter((it) => !own.some((other) => covers(other, it)));
  if (added.length > 0) spec.tolerations = [...own, ...added];
}

/** Whether the first tolerates everything that the second does. */
function covers(wide: Toleration, narrow: Toleration): boolean {
  if (wide.effect && wide.effect !== narrow.effect) return false;
  const seconds = wide.tolerationSeconds;
  if (seconds !== undefined && (narrow.tolerationSeconds === undefined || narrow.tolerationSeconds > seconds))
    return false;
  if (!wide.key) return wide.operator === 'Exists';
  if (wide.key !== narrow.key) return false;
  if (wide.operator === 'Exists') return true;
  return (narrow.operator ?? 'Equal') === 'Equal' && (wide.value ?? '') === (narrow.value ?? '');
}
