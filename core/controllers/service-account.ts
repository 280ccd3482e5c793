// Every namespace has the service account `default`.
// Follows https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#serviceaccount-controller
import { resources } from '../client/resources.ts';
import type { Controller } from './controller.ts';

export interface ObservedServiceAccount {
  namespace: string;
  exists: boolean;
}

const name = 'default';

export const serviceAccountController: Controller<ObservedServiceAccount> = {
  name: 'service-account',
  component: 'service-account-controller',
  watches: [resources.namespaces, resources.serviceAccounts],
  keysFor(of, object) {
    if (of === resources.namespaces) return [{ namespace: object.metadata.name ?? '', name }];
    return object.metadata.name === name ? [{ namespace: object.metadata.namespace ?? '', name }] : [];
  },
  observe(key, cache) {
    const namespace = cache.get(resources.namespaces, { namespace: '', name: key.namespace });
    if (!namespace || namespace.metadata.deletionTimestamp) return undefined;
    return { namespace: key.namespace, exists: cache.get(resources.serviceAccounts, key) !== undefined };
  },
  decide({ namespace, exists }) {
    if (exists) return [];
    const object = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } };
    return [{ do: 'create', of: resources.serviceAccounts, object }];
  },
};
