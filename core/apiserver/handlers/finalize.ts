// PUT namespaces/NAME/finalize: the namespace controller says that a namespace is empty.
// Follows https://kubernetes.io/docs/concepts/overview/working-with-objects/finalizers/
import type { Namespace } from '../../api/types.gen.ts';
import type { SubresourceHandler } from '../server.ts';
import { writePart } from './object-part.ts';

export const finalizeHandler: SubresourceHandler = {
  verbs: ['update'],
  handle: (context) =>
    writePart(context, (standing, wanted) => {
      const { finalizers: _old, ...spec } = (standing as Namespace).spec ?? {};
      const finalizers = (wanted as Namespace).spec?.finalizers;
      return {
        ...standing,
        metadata: { ...standing.metadata, resourceVersion: wanted.metadata.resourceVersion },
        spec: finalizers?.length ? { ...spec, finalizers } : spec,
      };
    }),
};
