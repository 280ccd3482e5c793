// One request to the API, whatever way its answer goes out: what a function cannot do is refused here, in the API's own words.
import { StatusError } from '../../core/api/errors.ts';
import { respondStatus } from '../../core/apiserver/respond.ts';
import type { ApiServer, Peer, RequestInfo } from '../../core/apiserver/server.ts';
import type { Log } from '../../core/ports.ts';
import type { Composed } from '../host/compose.ts';
import { infoOf, type Limits, withWatchLimit } from './limits.ts';

/** Subresources of pods that are nothing without an upgrade of the connection. */
const tunnels = new Set(['exec', 'attach', 'portforward']);

const upgradeRefused = (subresource: string): StatusError =>
  new StatusError(
    'NotImplemented',
    `${subresource} needs a connection that API Gateway does not pass on: run "slipway proxy" and use kubectl through it`,
  );

export interface Served {
  response: Response;
  /** To be called when the answer has ended. */
  done(): void;
  /** It has no end of its own. */
  endless: boolean;
  watch: boolean;
}

const nothing = (): void => undefined;

export async function serve(
  { api, follow }: Pick<Composed, 'api' | 'follow'>,
  request: Request,
  peer: Peer,
  limits: Limits,
): Promise<Served> {
  const info = infoOf(request);
  if (info && asksUpgrade(info, request)) {
    return { response: await refuseUpgrade(api, request, peer, info), done: nothing, endless: false, watch: false };
  }
  const watch = info?.isResource === true && info.verb === 'watch';
  const done = watch ? follow() : nothing;
  let response: Response;
  try {
    response = await api.fetch(watch ? withWatchLimit(request, limits) : request, peer);
  } catch (error) {
    done();
    throw error;
  }
  return { response, done, watch: watch && response.ok, endless: watch || isFollowedLog(info, request) };
}

const isFollowedLog = (info: RequestInfo | undefined, request: Request): boolean =>
  info?.subresource === 'log' && new URL(request.url).searchParams.has('follow');

const asksUpgrade = ({ isResource, group, plural, subresource }: RequestInfo, request: Request): boolean => {
  if (!isResource || group !== '') return false;
  return (plural === 'pods' && tunnels.has(subresource)) || (subresource === 'proxy' && request.headers.has('upgrade'));
};

/** Checked first, so that nobody learns of pods whom RBAC does not grant it. */
async function refuseUpgrade(api: ApiServer, request: Request, peer: Peer, info: RequestInfo): Promise<Response> {
  const checked = await api.upgrade(request, peer);
  return checked instanceof Response ? checked : statusResponse(request, upgradeRefused(info.subresource));
}

/** A refusal in the form that this client reads. */
export function statusResponse(request: Request | undefined, error: StatusError): Response {
  const asked = request ?? new Request('https://localhost/');
  return respondStatus(
    { request: asked, query: new URL(asked.url).searchParams, warnings: [] },
    error.code,
    error.toStatus(),
  );
}

/** Whatever goes wrong outside the API itself: the log gets it whole, the client a Status. */
export function failureResponse(request: Request | undefined, error: unknown, log: Log): Response {
  if (error instanceof StatusError) return statusResponse(request, error);
  const fields = error instanceof Error ? { error: error.message, stack: error.stack } : { error: String(error) };
  log('error', 'function-failed', fields);
  return statusResponse(request, new StatusError('InternalError', 'the request could not be completed'));
}
