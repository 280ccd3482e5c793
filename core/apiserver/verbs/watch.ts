// GET with watch=true, or of a path below /watch/: the changes of a collection or of one object as they happen.
// Follows https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
// and KEP-3157 (initial events in the stream).
import { badRequest, StatusError } from '../../api/errors.ts';
import { escapeFieldValue } from '../../api/field-selectors.ts';
import { type Revision, RevisionAhead, RevisionExpired } from '../../store/store.ts';
import type { Call } from '../call.ts';
import { bookmarkIntervalMs, minWatchTimeoutMs } from '../limits.ts';
import { negotiate } from '../negotiate.ts';
import { scopeOfRequest } from '../observe.ts';
import { booleanParameter, type ListOptions, listOptions } from '../options.ts';
import { headersOf } from '../respond.ts';
import { parseRevision, reachRevision, tooOldRevision } from '../revisions.ts';
import { type Selection, selectionOf } from '../selection.ts';
import { includeObject } from '../table.ts';
import { WatchStream } from '../watch.ts';
import type { EventForm } from '../watch-events.ts';

export async function watch(call: Call): Promise<Response> {
  const { deps, kind, server, request } = call;
  // The old paths need no watch=true; as with kube-apiserver, their options are judged as a list's without it.
  const options = listOptions(call.query, booleanParameter(call.query, 'watch') ?? false);
  const selection = selectionIn(call, options);
  const accepted = negotiate(request, call.query, true);
  const from = parseRevision(options.resourceVersion);
  const form: EventForm = {
    kind,
    accepted,
    include: accepted.form === 'table' ? includeObject(call.query) : 'Metadata',
    nowMs: () => deps.clock.now(),
  };
  if (options.sendInitialEvents && from > 0) await reachRevision(deps, kind.resource, from);

  const timers: (() => void)[] = [];
  const scope = scopeOfRequest(call.info);
  server.metrics.watch(kind, scope, 1);
  const stream = new WatchStream({
    form,
    selection,
    namespace: kind.namespaced ? call.info.namespace : '',
    notBefore: options.sendInitialEvents ? 0 : from,
    bookmarks: options.allowWatchBookmarks,
    onEvents: (count) => server.metrics.watchEvents(kind, count),
    onEnd: () => {
      server.metrics.watch(kind, scope, -1);
      for (const cancel of timers) cancel();
      request.signal.removeEventListener('abort', abort);
    },
  });
  const abort = (): void => stream.abort();
  request.signal.addEventListener('abort', abort);
  startTimers(call, stream, options, timers);
  await start(call, stream, options, selection, from);
  const type =
    accepted.encoding === 'protobuf' ? 'application/vnd.kubernetes.protobuf;stream=watch' : 'application/json';
  return new Response(stream.body, { status: 200, headers: headersOf(call.warnings, type) });
}

/** A name in the path selects as a field selector does. Throws BadRequest for a selector that names another. */
function selectionIn({ kind, info }: Call, { labelSelector, fieldSelector }: ListOptions): Selection {
  if (!info.watchInPath || info.name === '') return selectionOf(kind, labelSelector, fieldSelector);
  const byName = `metadata.name=${escapeFieldValue(info.name)}`;
  const selection = selectionOf(kind, labelSelector, fieldSelector || byName);
  if (selection.name === info.name) return selection;
  throw badRequest("fieldSelector metadata.name doesn't match requested name");
}

function startTimers({ deps }: Call, stream: WatchStream, options: ListOptions, timers: (() => void)[]): void {
  const spread = 1 + deps.ids.bytes(1)[0]! / 256;
  const asked = (options.timeoutSeconds ?? 0) * 1_000;
  // A timer of the hosts holds at most 2^31 milliseconds.
  const timeoutMs = asked > 0 ? Math.min(asked, 2 ** 31 - 1) : minWatchTimeoutMs * spread;
  timers.push(deps.clock.after(timeoutMs, () => stream.finish()));
  if (!options.allowWatchBookmarks) return;
  let cancel: () => void = () => {};
  const tick = (): void => {
    stream.bookmark();
    cancel = deps.clock.after(bookmarkIntervalMs, tick);
  };
  cancel = deps.clock.after(bookmarkIntervalMs, tick);
  timers.push(() => cancel());
}

/** Sends the present state if it is wanted, then every change after it. */
async function start(
  call: Call,
  stream: WatchStream,
  options: ListOptions,
  selection: Selection,
  from: Revision,
): Promise<void> {
  const { deps, kind, server } = call;
  const { resource } = kind;
  const initial = options.sendInitialEvents ?? from === 0;
  try {
    let since = from;
    if (initial) {
      const namespace = kind.namespaced ? call.info.namespace : '';
      const page = await deps.store.list(resource, namespace ? { namespace } : {});
      const items = selection.everything ? page.items : page.items.filter((item) => selection.matches(item.object));
      stream.initial(items, page.revision, options.sendInitialEvents === true && options.allowWatchBookmarks);
      since = page.revision;
    } else if (from === 0) since = await deps.store.head(resource);
    stream.attach(await subscribe(call, stream, since));
  } catch (error) {
    if (error instanceof RevisionExpired) return stream.error(tooOldRevision(from, error.oldest).toStatus());
    server.deps.log('error', 'watch.failed', { resource, error: String(error) });
    stream.error(new StatusError('InternalError', 'the watch could not be started').toStatus());
  }
}

/** A revision of the future is waited for: the stream itself leaves out what comes before it. */
async function subscribe({ server, kind }: Call, stream: WatchStream, since: Revision) {
  try {
    return await server.hub.subscribe(kind.resource, since, stream);
  } catch (error) {
    if (!(error instanceof RevisionAhead)) throw error;
    return await server.hub.subscribe(kind.resource, error.head, stream);
  }
}
