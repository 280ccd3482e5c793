// A pod carries the zone and region of the node it is bound to, so that containers can read them (KEP-4742).
import type { Binding } from '../../api/types.gen.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../server.ts';
import { type AdmissionDeps, podOf, readOnce, resourceOf } from './request.ts';

const copied = ['topology.kubernetes.io/zone', 'topology.kubernetes.io/region'];

export const podTopologyLabels = ({ store }: AdmissionDeps): AdmissionPlugin => ({
  name: 'PodTopologyLabels',
  async mutate(request) {
    const name = nodeNameOf(request);
    const { object } = request;
    if (!name || !object) return;
    const node = await readOnce(store, request, 'nodes', { namespace: '', name });
    const labels = Object.entries(node?.metadata.labels ?? {}).filter(([key]) => copied.includes(key));
    if (labels.length > 0) object.metadata.labels = { ...object.metadata.labels, ...Object.fromEntries(labels) };
  },
});

/** The node of a binding, or of a pod that is created with one. */
function nodeNameOf(request: AdmissionRequest): string | undefined {
  if (request.operation !== 'CREATE' || resourceOf(request) !== 'pods') return undefined;
  if (request.subresource === '') return podOf(request).spec?.nodeName;
  if (request.subresource !== 'binding') return undefined;
  const { target } = request.object as unknown as Binding;
  return target?.kind === 'Node' ? target.name : undefined;
}
