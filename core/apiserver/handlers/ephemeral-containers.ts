// GET, PUT and PATCH pods/NAME/ephemeralcontainers: containers for debugging, added to a pod that runs.
// Follows https://kubernetes.io/docs/concepts/workloads/pods/ephemeral-containers/
import type { Pod } from '../../api/types.gen.ts';
import type { SubresourceHandler } from '../server.ts';
import { writePart } from './object-part.ts';

export const ephemeralContainersHandler: SubresourceHandler = {
  verbs: ['get', 'patch', 'update'],
  handle: (context) =>
    writePart(context, (standing, wanted) => {
      const spec = { ...(standing as Pod).spec } as Record<string, unknown>;
      const containers = (wanted as Pod).spec?.ephemeralContainers;
      if (containers?.length) spec['ephemeralContainers'] = containers;
      else delete spec['ephemeralContainers'];
      const { uid = standing.metadata.uid, resourceVersion } = wanted.metadata;
      return { ...standing, metadata: { ...standing.metadata, uid, resourceVersion }, spec };
    }),
};
