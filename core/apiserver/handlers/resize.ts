// pods/NAME/resize: shown, but in-place changes of resources are refused in words that say so.
import { forbidden } from '../../api/errors.ts';
import type { Call } from '../call.ts';
import { respondObject } from '../respond.ts';
import type { SubresourceHandler } from '../server.ts';
import { current } from '../verbs/get.ts';

export const resizeHandler: SubresourceHandler = {
  verbs: ['get', 'patch', 'update'],
  async handle(context) {
    const call = context as Call;
    const stored = await current(call);
    if (call.info.verb === 'get') return respondObject(call, 200, stored);
    throw forbidden(
      call.kind,
      call.info.name,
      'resizing the resources of a pod in place is not supported by this cluster; recreate the pod',
    );
  },
};
