// How a refusal reads, word for word as kube-apiserver's: clients and people match on it.
import { forbidden, type StatusError } from '../../api/errors.ts';
import { goQuote } from '../../api/field-errors.ts';
import type { AuthorizerAttributes } from '../server.ts';

/** A browser that shows the message must not take parts of it for markup. */
const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

export function forbiddenMessage(attributes: AuthorizerAttributes): string {
  const { user, verb, plural, subresource, group, namespace } = attributes;
  const who = `User ${goQuote(user.username)} cannot ${verb}`;
  if (!attributes.isResource) return escaped(`${who} path ${goQuote(attributes.path)}`);
  const resource = goQuote(subresource ? `${plural}/${subresource}` : plural);
  const where = namespace ? `in the namespace ${goQuote(namespace)}` : 'at the cluster scope';
  return escaped(`${who} resource ${resource} in API group ${goQuote(group)} ${where}`);
}

/** The 403 of a refused request; `reason` is the authorizers' own. */
export function forbiddenByAuthorizer(attributes: AuthorizerAttributes, reason: string): StatusError {
  const message = forbiddenMessage(attributes);
  const of = {
    plural: attributes.isResource ? attributes.plural : '',
    group: attributes.isResource ? attributes.group : '',
  };
  return forbidden(of, attributes.isResource ? attributes.name : '', reason ? `${message}: ${reason}` : message);
}
