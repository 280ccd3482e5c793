// A node gets tokens only for pods bound to it, and for audiences that those pods ask for.
import { notFound } from '../../../api/errors.ts';
import type { Pod, AuthenticationV1TokenRequest as TokenRequest } from '../../../api/types.gen.ts';
import { refusal } from '../request.ts';
import type { Rule } from './rule.ts';

export const tokens: Rule = async (node, request, { store, authorize }) => {
  if (request.operation !== 'CREATE' || request.subresource !== 'token') return;
  const { spec } = request.object as unknown as TokenRequest;
  const ref = spec?.boundObjectRef;
  if (ref?.apiVersion !== 'v1' || ref.kind !== 'Pod' || !ref.name) {
    throw refusal(request, 'node requested token not bound to a pod');
  }
  if (!ref.uid) throw refusal(request, 'node requested token with a pod binding without a uid');
  const found = await store.get('pods', { namespace: request.namespace, name: ref.name });
  if (!found) throw notFound({ plural: 'pods', group: '' }, ref.name);
  const pod = found.object as Pod;
  if (ref.uid !== pod.metadata?.uid) {
    const why = `the UID in the bound object reference (${ref.uid}) does not match the UID in record. The object might have been deleted and then recreated`;
    throw refusal(request, why);
  }
  if (pod.spec?.nodeName !== node) {
    throw refusal(request, 'node requested token bound to a pod scheduled on a different node');
  }
  const audiences = spec?.audiences ?? [];
  if (audiences.length > 1) throw refusal(request, 'node may only request 0 or 1 audiences');
  const audience = audiences[0] ?? '';
  const projected = (pod.spec?.volumes ?? []).some((volume) =>
    (volume.projected?.sources ?? []).some(
      ({ serviceAccountToken: token }) => token && (token.audience ?? '') === audience,
    ),
  );
  if (projected) return;
  const { allowed } = await authorize({
    user: request.user,
    verb: 'request-serviceaccounts-token-audience',
    isResource: true,
    group: '',
    version: 'v1',
    plural: audience,
    subresource: '',
    namespace: request.namespace,
    name: request.name,
    path: '',
  });
  if (allowed) return;
  const who = `${request.user.username} is not authorized to request tokens for this audience`;
  throw refusal(request, `audience "${audience}" not found in pod spec volume, ${who}`);
};
