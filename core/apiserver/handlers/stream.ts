// exec, attach and port-forward: verified here, then spliced to the node's agent by the host.
// Follows https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/ and KEP-4006 (WebSockets).
import { badRequest, type FieldError, invalid } from '../../api/errors.ts';
import { requiredValue } from '../../api/field-errors.ts';
import { booleanParameter } from '../options.ts';
import type { HandlerContext, SubresourceHandler, Tunnel } from '../server.ts';
import { containerOf, nodeOf, podOf } from './pod-target.ts';

type StreamKind = 'PodExecOptions' | 'PodAttachOptions' | 'PodPortForwardOptions';

/** A request that asks for no upgrade cannot be served. */
export const streamHandler = (kind: StreamKind): SubresourceHandler => ({
  verbs: ['create', 'get'],
  discovery: { group: '', version: 'v1', kind },
  async handle(context) {
    await tunnelOf(context);
    throw badRequest('Upgrade request required');
  },
});

/** Names that the agent gives the streams, as the kubelet does. */
const streamNames = [
  ['stdin', 'input'],
  ['stdout', 'output'],
  ['stderr', 'error'],
  ['tty', 'tty'],
] as const;

function streamQuery(query: URLSearchParams, kind: string, defaults: readonly string[]): URLSearchParams {
  const asked = new URLSearchParams();
  const errors: FieldError[] = [];
  for (const [name, forAgent] of streamNames) {
    if (booleanParameter(query, name) ?? defaults.includes(name)) asked.set(forAgent, '1');
  }
  if (asked.has('tty')) asked.delete('error');
  if (!asked.has('input') && !asked.has('output') && !asked.has('error')) {
    errors.push(requiredValue('', 'at least one of stdin, stdout, stderr must be specified'));
  }
  const commands = query.getAll('command');
  if (kind === 'PodExecOptions') {
    if (commands.length === 0) errors.push(requiredValue('command'));
    for (const command of commands) asked.append('command', command);
  }
  if (errors.length > 0) throw invalid(kind, '', '', errors);
  return asked;
}

function portQuery(query: URLSearchParams): URLSearchParams {
  const asked = new URLSearchParams();
  for (const port of query.getAll('ports').flatMap((ports) => ports.split(','))) {
    const number = Number(port);
    if (!Number.isInteger(number) || number < 1 || number > 65_535)
      throw badRequest(`port must be 1-65535, not ${port}`);
    asked.append('port', port);
  }
  return asked;
}

/** Where the agent serves the stream that this request asks for. Throws BadRequest, Invalid and NotFound. */
export async function tunnelOf(context: HandlerContext): Promise<Tunnel> {
  const { info } = context;
  const query = new URL(context.request.url).searchParams;
  const pod = await podOf(context);
  const named = query.get('container') ?? '';
  const at = `${info.namespace}/${info.name}`;
  switch (info.subresource) {
    case 'exec': {
      const asked = streamQuery(query, 'PodExecOptions', ['stdout', 'stderr']);
      const container = containerOf(pod, named);
      return { node: await nodeOf(context, pod), path: `/exec/${at}/${container}?${asked}` };
    }
    case 'attach': {
      const asked = streamQuery(query, 'PodAttachOptions', ['stdout', 'stderr']);
      const container = containerOf(pod, named);
      return { node: await nodeOf(context, pod), path: `/attach/${at}/${container}?${asked}` };
    }
    case 'portforward': {
      const asked = portQuery(query);
      return { node: await nodeOf(context, pod), path: `/portForward/${at}${asked.size > 0 ? `?${asked}` : ''}` };
    }
    default:
      throw badRequest('this path serves no streams');
  }
}
