// GET of a collection: selected objects of one revision, in pages if asked.
// Follows https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks
import { badRequest, expired } from '../../api/errors.ts';
import type { ObjectKey } from '../../api/objects.ts';
import {
  type ListPage,
  type ListOptions as PageOptions,
  type Revision,
  RevisionAhead,
  RevisionExpired,
  type StoredObject,
} from '../../store/store.ts';
import type { Call } from '../call.ts';
import { ContinueExpired, decodeContinue, encodeContinue } from '../continue-token.ts';
import { selectionPageSize } from '../limits.ts';
import { type ListOptions, listOptions } from '../options.ts';
import { respondList } from '../respond.ts';
import { parseRevision, reachRevision, tooLargeRevision } from '../revisions.ts';
import { type Selection, selectionOf } from '../selection.ts';

export interface Listed {
  items: StoredObject[];
  revision: Revision;
  /** Token for the next page; '' at the end. */
  continue: string;
  remaining: number | undefined;
}

export async function list(call: Call): Promise<Response> {
  const options = listOptions(call.query, false);
  const selection = selectionOf(call.kind, options.labelSelector, options.fieldSelector);
  return respondList(call, await listObjects(call, options, selection));
}

type Lists = Pick<Call, 'deps' | 'kind' | 'info'>;

/** Throws Expired, BadRequest (token), Invalid (resource version) and Timeout (revision of the future). */
export async function listObjects(call: Lists, options: ListOptions, selection: Selection): Promise<Listed> {
  const { deps, kind } = call;
  const namespace = kind.namespaced ? call.info.namespace : '';
  const from = await startOf(call, options);
  if (selection.name && !options.continue && from.exact === undefined && (namespace || !kind.namespaced)) {
    return await listOne(call, { namespace, name: selection.name }, selection);
  }
  const limit = options.limit > 0 ? options.limit : undefined;
  const page: PageOptions = { ...(namespace ? { namespace } : {}), ...from };
  try {
    if (selection.everything) {
      const { items, revision, next, remaining } = await deps.store.list(
        kind.resource,
        limit ? { ...page, limit } : page,
      );
      return {
        items: [...items],
        revision,
        continue: next ? encodeContinue(next) : '',
        remaining: next ? remaining : undefined,
      };
    }
    return await selected(call, page, selection, limit);
  } catch (error) {
    if (error instanceof RevisionAhead)
      throw tooLargeRevision(from.exact ?? from.continueFrom?.revision ?? 0, error.head);
    if (!(error instanceof RevisionExpired)) throw error;
    const after = from.continueFrom?.after;
    if (after) throw new ContinueExpired(encodeContinue({ revision: undefined, after }));
    throw expired('The resourceVersion for the provided list is too old.');
  }
}

/** The revision to show and the place to start. */
async function startOf(call: Lists, options: ListOptions): Promise<Pick<PageOptions, 'exact' | 'continueFrom'>> {
  const { deps, kind } = call;
  const asked = parseRevision(options.resourceVersion);
  if (options.continue) {
    if (asked > 0) throw specifiedTwice();
    const { revision, after } = decodeContinue(options.continue, kind.namespaced);
    return { continueFrom: { after, revision: revision ?? (await deps.store.head(kind.resource)) } };
  }
  if (asked === 0) return {};
  // An exact revision is asked for by its match, and by tradition by a limit without one.
  if (options.resourceVersionMatch === 'Exact' || (options.limit > 0 && options.resourceVersionMatch === '')) {
    return { exact: asked };
  }
  await reachRevision(deps, kind.resource, asked);
  return {};
}

const specifiedTwice = () => badRequest('specifying resource version is not allowed when using continue');

async function listOne({ deps, kind }: Lists, key: ObjectKey, selection: Selection): Promise<Listed> {
  // The head first: an object that is newer than what the list claims does no harm, the other way round would.
  const revision = await deps.store.head(kind.resource);
  const stored = await deps.store.get(kind.resource, key);
  const items = stored && selection.matches(stored.object) ? [stored] : [];
  return { items, revision, continue: '', remaining: undefined };
}

/** Reads pages until enough objects match. */
async function selected(
  call: Lists,
  start: PageOptions,
  selection: Selection,
  limit: number | undefined,
): Promise<Listed> {
  const { deps, kind } = call;
  const items: StoredObject[] = [];
  let at = start;
  for (;;) {
    const page: ListPage = await deps.store.list(kind.resource, limit ? { ...at, limit: selectionPageSize } : at);
    for (const [index, item] of page.items.entries()) {
      if (!selection.matches(item.object)) continue;
      items.push(item);
      if (items.length !== limit) continue;
      const more = index + 1 < page.items.length || page.next !== undefined;
      const after = { namespace: item.object.metadata.namespace ?? '', name: item.object.metadata.name ?? '' };
      return {
        items,
        revision: page.revision,
        continue: more ? encodeContinue({ revision: page.revision, after }) : '',
        remaining: undefined,
      };
    }
    if (!page.next) return { items, revision: page.revision, continue: '', remaining: undefined };
    at = { ...(at.namespace ? { namespace: at.namespace } : {}), continueFrom: page.next };
  }
}
