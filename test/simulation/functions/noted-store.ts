// A store of the revision protocol whose promises are noted: what it acknowledged, what its lists showed, what its log told.
import { keyOf } from '../../../core/api/objects.ts';
import type { ChangeRow } from '../../../core/store/protocol/ops.ts';
import { ProtocolStore } from '../../../core/store/protocol/store.ts';
import type { ChangePage, Commit, CommitResult, ListPage, Resource, Revision } from '../../../core/store/store.ts';
import { type Shown, shownAs, type Told } from '../log-of-table.ts';

/** A write that was acknowledged to who asked for it. */
export type Acknowledged = Pick<Commit, 'op' | 'resource' | 'key'> & { revision: Revision };

/** Of all processes. */
export class Notes {
  readonly acknowledged: Acknowledged[] = [];
  readonly shown: Shown[] = [];
  readonly told: Told[] = [];
}

export class NotedStore extends ProtocolStore {
  readonly #notes: Notes;

  constructor(options: ConstructorParameters<typeof ProtocolStore>[0], notes: Notes) {
    super(options);
    this.#notes = notes;
  }

  override async commit(commit: Commit): Promise<CommitResult> {
    const result = await super.commit(commit);
    const { op, resource, key } = commit;
    if (result.ok) this.#notes.acknowledged.push({ op, resource, key, revision: result.revision });
    return result;
  }

  override async list(resource: Resource, options: Parameters<ProtocolStore['list']>[1] = {}): Promise<ListPage> {
    const page = await super.list(resource, options);
    // Pieces of lists are the protocol's own simulation's.
    if (page.next || options.continueFrom) return page;
    const items = page.items.map(({ object, revision }) => shownAs(keyOf(object), revision));
    const { namespace = '' } = options;
    const selects = ({ key }: ChangeRow): boolean => namespace === '' || key.namespace === namespace;
    this.#notes.shown.push({ resource, revision: page.revision, items, selects });
    return page;
  }

  override async changesSince(resource: Resource, since: Revision, limit?: number): Promise<ChangePage> {
    const page = await super.changesSince(resource, since, limit);
    const { upTo } = page;
    const revisions = page.changes.map(({ revision }) => revision);
    if (upTo > since) this.#notes.told.push({ resource, after: since, upTo, revisions });
    return page;
  }
}
