// The priority of a pod comes from its class; only one class may be the default.
// Source: https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/
import type { PriorityClass } from '../../api/types.gen.ts';
import type { Lister } from '../lister.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../server.ts';
import { type AdmissionDeps, concerns, oldPodOf, podOf, refusal } from './request.ts';

const resource = 'priorityclasses.scheduling.k8s.io';

export const priority = ({ lister, store }: AdmissionDeps): AdmissionPlugin => ({
  name: 'Priority',
  async mutate(request) {
    if (!concerns(request, 'pods')) return;
    if (request.operation === 'UPDATE') return keepPriority(request);
    if (request.operation !== 'CREATE') return;
    const { spec } = podOf(request);
    if (!spec) return;
    let found: PriorityClass | undefined;
    if (spec.priorityClassName) {
      found = (await store.get(resource, { namespace: '', name: spec.priorityClassName }))
        ?.object as unknown as PriorityClass;
      if (!found) throw refusal(request, `no PriorityClass with name ${spec.priorityClassName} was found`);
    } else {
      found = await defaultClass(lister);
      if (found?.metadata?.name) spec.priorityClassName = found.metadata.name;
    }
    const value = found?.value ?? 0;
    if (spec.priority !== undefined && spec.priority !== null && spec.priority !== value) {
      const why = `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`;
      throw refusal(request, why);
    }
    const policy = found?.preemptionPolicy ?? 'PreemptLowerPriority';
    if (spec.preemptionPolicy && spec.preemptionPolicy !== policy) {
      const why = `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${policy} from the given PriorityClass name`;
      throw refusal(request, why);
    }
    spec.priority = value;
    spec.preemptionPolicy = policy;
  },
  async validate(request) {
    if (!concerns(request, resource) || (request.operation !== 'CREATE' && request.operation !== 'UPDATE')) return;
    if (!(request.object as unknown as PriorityClass).globalDefault) return;
    const standing = (await defaultClass(lister))?.metadata?.name;
    if (!standing || (request.operation === 'UPDATE' && standing === request.name)) return;
    throw refusal(request, `PriorityClass ${standing} is already marked as default. Only one default can exist`);
  },
});

/** Clients that do not know these fields may leave them out of an update. */
function keepPriority(request: AdmissionRequest): void {
  const spec = podOf(request).spec;
  const old = oldPodOf(request)?.spec;
  if (!spec || !old) return;
  if (spec.priority === undefined && old.priority !== undefined) spec.priority = old.priority;
  if (spec.preemptionPolicy === undefined && old.preemptionPolicy) spec.preemptionPolicy = old.preemptionPolicy;
}

/** Of several defaults, which only older versions allowed, the one with the lowest value. */
async function defaultClass(lister: Lister): Promise<PriorityClass | undefined> {
  const classes = (await lister.list(resource)) as unknown as PriorityClass[];
  return classes.filter(({ globalDefault }) => globalDefault).sort((a, b) => (a.value ?? 0) - (b.value ?? 0))[0];
}
