// Resizing a running pod in place is not something that this cluster's nodes do: it is refused, rather than accepted and
// never carried out.
import type { AdmissionPlugin } from '../server.ts';
import { refusal, resourceOf } from './request.ts';

export const podResize: AdmissionPlugin = {
  name: 'PodResizeValidator',
  async mutate(request) {
    if (resourceOf(request) !== 'pods' || request.subresource !== 'resize' || request.operation !== 'UPDATE') return;
    throw refusal(request, 'pod resize is not supported by the nodes of this cluster');
  },
};
