// One request on its way through the verbs, and the scope of one write.
import type { Kind } from '../api/kinds/kind.ts';
import type { Hub } from '../store/hub.ts';
import type { Metrics } from './metrics.ts';
import type { WriteOptions } from './options.ts';
import type { ApiServerDeps, HandlerContext, User } from './server.ts';
import type { NodeUsages } from './usage/ask-nodes.ts';

/** What one API server keeps besides its dependencies; nothing in it is needed by another instance. */
export interface ServerState {
  deps: ApiServerDeps;
  hub: Hub;
  metrics: Metrics;
  usages: NodeUsages;
}

export interface Call extends HandlerContext {
  kind: Kind;
  server: ServerState;
  url: URL;
  query: URLSearchParams;
}

/** Where a write goes and on whose behalf. A handler's context gives one by scopeOf. */
export interface WriteScope {
  deps: ApiServerDeps;
  kind: Kind;
  user: User;
  warnings: string[];
  namespace: string;
  /** '' for a create that names nothing in its path. */
  name: string;
  /** '' for the object itself. */
  subresource: string;
  /** A patch: what its result says of the uid is no precondition but a change, which is refused as one. */
  isPatch?: boolean;
  dryRun: boolean;
  fieldManager: string;
  /** The options as admission sees them (CreateOptions, DeleteOptions ...). */
  options: Record<string, unknown>;
}

const managerMaxLength = 128;

/** The manager that managedFields names: the option, or the user agent up to its first slash. */
function managerOf(options: WriteOptions, request: Request): string {
  if (options.fieldManager) return options.fieldManager;
  const product = (request.headers.get('user-agent') ?? '').split('/')[0]!;
  const printable = product.replace(/[^\x20-\x7e]/g, '').slice(0, managerMaxLength);
  return printable || 'unknown';
}

type ScopeSource = Pick<HandlerContext, 'deps' | 'info' | 'user' | 'warnings' | 'request'>;

export function scopeOf(context: ScopeSource, kind: Kind, options: WriteOptions): WriteScope {
  const { info } = context;
  return {
    deps: context.deps,
    kind,
    user: context.user,
    warnings: context.warnings,
    namespace: kind.namespaced ? info.namespace : '',
    name: info.name,
    subresource: info.subresource,
    dryRun: options.dryRun,
    fieldManager: managerOf(options, context.request),
    options: { ...options },
  };
}
