// GET pods/NAME/log: what a container wrote, as its node tells it.
// Follows https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#get-read-log-of-the-specified-pod
import { badRequest, type FieldError, invalid } from '../../api/errors.ts';
import { forbiddenValue, invalidValue } from '../../api/field-errors.ts';
import { booleanParameter, integerParameter } from '../options.ts';
import type { HandlerContext, SubresourceHandler } from '../server.ts';
import { askNode, containerOf, nodeNamed, podOf } from './pod-target.ts';

/** The query for the agent. Throws BadRequest and Invalid. */
function logQuery(query: URLSearchParams): URLSearchParams {
  const asked = new URLSearchParams();
  const errors: FieldError[] = [];
  for (const flag of ['follow', 'previous', 'timestamps']) if (booleanParameter(query, flag)) asked.set(flag, 'true');
  const atLeast = (name: string, least: number, words: string): void => {
    const value = integerParameter(query, name);
    if (value === undefined) return;
    if (value < least) errors.push(invalidValue(name, value, words));
    asked.set(name, String(value));
  };
  atLeast('tailLines', 0, 'must be greater than or equal to 0');
  atLeast('limitBytes', 1, 'must be greater than 0');
  const sinceTime = query.get('sinceTime');
  if (sinceTime) {
    if (Number.isNaN(Date.parse(sinceTime)))
      throw badRequest(`parsing time "${sinceTime}" as RFC 3339: it is not a time`);
    if (query.has('sinceSeconds'))
      errors.push(forbiddenValue('', 'at most one of `sinceTime` or `sinceSeconds` may be specified'));
    asked.set('sinceTime', sinceTime);
  } else atLeast('sinceSeconds', 1, 'must be greater than 0');
  if (errors.length > 0) throw invalid('PodLogOptions', '', '', errors);
  return asked;
}

async function readLog(context: HandlerContext): Promise<Response> {
  const query = new URL(context.request.url).searchParams;
  const asked = logQuery(query);
  const pod = await podOf(context);
  const container = containerOf(pod, query.get('container') ?? '');
  const headers = { 'content-type': 'text/plain', 'cache-control': 'no-cache, private' };
  // A pod that is not scheduled has written nothing yet.
  if (!pod.spec?.nodeName) return new Response('', { headers });
  const node = await nodeNamed(context.deps, pod.spec.nodeName);
  const { namespace, name } = context.info;
  const suffix = asked.size > 0 ? `?${asked}` : '';
  const path = `/containerLogs/${namespace}/${name}/${container}${suffix}`;
  const answer = await askNode(context, node, path, { signal: context.request.signal });
  if (answer.ok) return new Response(answer.body, { headers });
  const words = (await answer.text()).trim();
  // The agent refuses what cannot be shown (not started, no previous container) with a text for people.
  if (answer.status < 500) throw badRequest(words || `the logs of pod ${name} cannot be read`);
  context.deps.log('warn', 'log.failed', { pod: name, node: node.metadata.name, status: answer.status });
  throw badRequest(words || 'the node could not read the logs');
}

export const logHandler: SubresourceHandler = { verbs: ['get'], handle: readLog };
