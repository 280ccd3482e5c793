// Pod Security admission: refuses pods that break the namespace's policy, and warns about templates that would.
// Source: https://kubernetes.io/docs/concepts/security/pod-security-admission/
import { invalid } from '../../../api/errors.ts';
import type { KubeObject } from '../../../api/objects.ts';
import type { ObjectMeta, Pod, PodSpec, PodTemplateSpec } from '../../../api/types.gen.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../../server.ts';
import { type AdmissionDeps, readOnce, refusal, resourceOf } from '../request.ts';
import type { PodLike } from './check.ts';
import {
  compareLevels,
  detailsText,
  type LevelVersion,
  policyOf,
  policyText,
  reasonsText,
  violations,
} from './policy.ts';

const ignoredSubresources = new Set(['exec', 'attach', 'binding', 'eviction', 'log', 'portforward', 'proxy', 'status']);
/** An update of a namespace looks at no more of its pods than this. */
const maxPodsToCheck = 3000;

export const podSecurity = (deps: AdmissionDeps): AdmissionPlugin => ({
  name: 'PodSecurity',
  async validate(request) {
    const { operation, object } = request;
    if (!object || (operation !== 'CREATE' && operation !== 'UPDATE')) return undefined;
    const resource = resourceOf(request);
    if (resource === 'namespaces') await checkNamespace(deps, request);
    else if (resource === 'pods') await checkPod(deps, request);
    else if (request.subresource === '' && templateOf[resource]) await checkTemplate(deps, request, resource);
    return undefined;
  },
});

const labelsOf = (object: KubeObject | undefined): Record<string, string> => object?.metadata.labels ?? {};

const podLike = (metadata: ObjectMeta | undefined, spec: PodSpec): PodLike => ({
  annotations: metadata?.annotations ?? {},
  spec,
});

async function policyIn({ store }: AdmissionDeps, request: AdmissionRequest) {
  const key = { namespace: '', name: request.namespace };
  return policyOf(labelsOf(await readOnce(store, request, 'namespaces', key))).policy;
}

async function checkPod(deps: AdmissionDeps, request: AdmissionRequest): Promise<void> {
  if (ignoredSubresources.has(request.subresource)) return;
  const pod = request.object as Pod;
  if (!pod.spec || (request.old && !changesContainers(pod, request.old as Pod))) return;
  const { enforce, warn } = await policyIn(deps, request);
  const like = podLike(pod.metadata, pod.spec);
  const found = violations(enforce, like);
  if (found.length > 0) throw refusal(request, `violates PodSecurity "${policyText(enforce)}": ${detailsText(found)}`);
  warnOf(request, warn, like);
}

function warnOf(request: AdmissionRequest, warn: LevelVersion, pod: PodLike): void {
  const found = violations(warn, pod);
  if (found.length === 0) return;
  request.warnings.push(`would violate PodSecurity "${policyText(warn)}": ${detailsText(found)}`);
}

/** Of a pod that exists only images and ephemeral containers can change in a way that matters. */
function changesContainers({ spec }: Pod, { spec: old }: Pod): boolean {
  const images = (it: PodSpec | undefined): string =>
    JSON.stringify([
      (it?.containers ?? []).map(({ image }) => image),
      (it?.initContainers ?? []).map(({ image }) => image),
    ]);
  if (images(spec) !== images(old)) return true;
  const before = new Map((old?.ephemeralContainers ?? []).map(({ name, image }) => [name, image]));
  return (spec?.ephemeralContainers ?? []).some(({ name, image }) => before.get(name) !== image);
}

type Templated = { spec?: { template?: PodTemplateSpec } };
const inSpec = (object: KubeObject): PodTemplateSpec | undefined => (object as Templated).spec?.template;

/** Resources that make pods, and where their template is. */
const templateOf: Readonly<Record<string, ((object: KubeObject) => PodTemplateSpec | undefined) | undefined>> = {
  replicationcontrollers: inSpec,
  podtemplates: (object) => object['template'] as PodTemplateSpec | undefined,
  'replicasets.apps': inSpec,
  'deployments.apps': inSpec,
  'statefulsets.apps': inSpec,
  'daemonsets.apps': inSpec,
  'jobs.batch': inSpec,
  'cronjobs.batch': (object) =>
    (object as { spec?: { jobTemplate?: Templated } }).spec?.jobTemplate?.spec?.template as PodTemplateSpec | undefined,
};

async function checkTemplate(deps: AdmissionDeps, request: AdmissionRequest, resource: string): Promise<void> {
  const template = templateOf[resource]?.(request.object as KubeObject);
  if (!template?.spec) return;
  const { warn } = await policyIn(deps, request);
  warnOf(request, warn, podLike(template.metadata, template.spec));
}

async function checkNamespace(deps: AdmissionDeps, request: AdmissionRequest): Promise<void> {
  if (request.subresource !== '') return;
  const { policy, errors } = policyOf(labelsOf(request.object));
  const before = request.old ? policyOf(labelsOf(request.old)) : undefined;
  if (errors.length > 0 && JSON.stringify(errors) !== JSON.stringify(before?.errors)) {
    throw invalid('Namespace', '', request.name, errors);
  }
  if (!before) return;
  const { enforce } = policy;
  const old = before.policy.enforce;
  const stricter = enforce.version !== old.version || compareLevels(enforce.level, old.level) > 0;
  if (enforce.level !== 'privileged' && stricter) await warnOfPods(deps, request, enforce);
}

/** What already runs stays; whoever tightens the policy is told. */
async function warnOfPods({ lister }: AdmissionDeps, request: AdmissionRequest, enforce: LevelVersion): Promise<void> {
  const all = await lister.list('pods', request.name);
  const checked = all.slice(0, maxPodsToCheck);
  const byReason = new Map<string, string[]>();
  for (const object of checked) {
    const { metadata, spec } = object as Pod;
    const reasons = spec ? reasonsText(violations(enforce, podLike(metadata, spec))) : '';
    if (reasons) byReason.set(reasons, [...(byReason.get(reasons) ?? []), metadata?.name ?? '']);
  }
  const { warnings } = request;
  if (checked.length < all.length) {
    warnings.push(
      `new PodSecurity enforce level only checked against the first ${checked.length} of ${all.length} existing pods`,
    );
  }
  if (byReason.size === 0) return;
  const level = policyText(enforce);
  warnings.push(`existing pods in namespace "${request.name}" violate the new PodSecurity enforce level "${level}"`);
  warnings.push(...[...byReason].map(([reasons, names]) => `${describeNames(names)}: ${reasons}`).sort());
}

function describeNames(names: string[]): string {
  const [first = '', ...others] = names.sort();
  if (others.length === 0) return first;
  return others.length === 1 ? `${first} (and 1 other pod)` : `${first} (and ${others.length} other pods)`;
}
