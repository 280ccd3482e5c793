// Nothing is created in a namespace that does not exist or is going away, and the namespaces that the cluster itself lives
// in stay. Source: https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#namespacelifecycle
import { notFound, StatusError } from '../../api/errors.ts';
import type { Namespace } from '../../api/types.gen.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../server.ts';
import { type AdmissionDeps, readOnce, refusal, resourceOf } from './request.ts';

const immortal = new Set(['default', 'kube-system', 'kube-public']);

export const namespaceLifecycle = ({ store }: AdmissionDeps): AdmissionPlugin => ({
  name: 'NamespaceLifecycle',
  async mutate(request) {
    const { operation, namespace } = request;
    if (resourceOf(request) === 'namespaces') {
      if (operation === 'DELETE' && request.subresource === '' && immortal.has(request.name)) {
        throw refusal(request, 'this namespace may not be deleted');
      }
      return;
    }
    // What is changed or deleted exists already, and so does its namespace.
    if (!namespace || operation !== 'CREATE') return;
    const found = await readOnce(store, request, 'namespaces', { namespace: '', name: namespace });
    if (!found) throw notFound({ plural: 'namespaces', group: '' }, namespace);
    const { status, metadata } = found as Namespace;
    const terminating = status?.phase === 'Terminating' || metadata?.deletionTimestamp !== undefined;
    if (terminating) throw refusedAsTerminating(request);
  },
});

function refusedAsTerminating(request: AdmissionRequest): StatusError {
  const { namespace } = request;
  const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
  const { message, details } = refusal(request, why);
  const cause = {
    reason: 'NamespaceTerminating',
    message: `namespace ${namespace} is being terminated`,
    field: 'metadata.namespace',
  };
  return new StatusError('Forbidden', message, { ...details, causes: [cause] });
}
