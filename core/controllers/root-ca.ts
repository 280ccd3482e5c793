// Every namespace has the config map `kube-root-ca.crt`, by which pods verify the API server.
// Follows https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/ and KEP-1205
import type { ConfigMap } from '../api/types.gen.ts';
import { resources } from '../client/resources.ts';
import type { Controller } from './controller.ts';

export interface ObservedRootCa {
  namespace: string;
  bundle: string;
  standing: ConfigMap | undefined;
}

const name = 'kube-root-ca.crt';

export const rootCaController = (bundle: string): Controller<ObservedRootCa> => ({
  name: 'root-ca',
  component: 'root-ca-cert-publisher',
  watches: [resources.namespaces, resources.configMaps],
  keysFor(of, object) {
    if (of === resources.namespaces) return [{ namespace: object.metadata.name ?? '', name }];
    return object.metadata.name === name ? [{ namespace: object.metadata.namespace ?? '', name }] : [];
  },
  observe(key, cache) {
    const namespace = cache.get(resources.namespaces, { namespace: '', name: key.namespace });
    if (!namespace || namespace.metadata.deletionTimestamp) return undefined;
    return {
      namespace: key.namespace,
      bundle,
      standing: cache.get(resources.configMaps, key) as ConfigMap | undefined,
    };
  },
  decide({ namespace, bundle: wanted, standing }) {
    const data = { 'ca.crt': wanted };
    const annotations = {
      'kubernetes.io/description':
        'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.',
    };
    const metadata = { name, namespace, annotations };
    if (!standing) {
      const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data };
      return [{ do: 'create', of: resources.configMaps, object }];
    }
    const keys = Object.keys(standing.data ?? {});
    if (keys.length === 1 && standing.data?.['ca.crt'] === wanted) return [];
    const object = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      ...standing,
      metadata: { ...standing.metadata, annotations: { ...standing.metadata?.annotations, ...annotations } },
      data,
    };
    return [{ do: 'update', of: resources.configMaps, object }];
  },
});
