// DELETE of a collection: every object that is selected, page by page. Not atomic: a failure leaves what was not reached.
import { isStatus } from '../../api/errors.ts';
import { keyOf } from '../../api/objects.ts';
import type { StoredObject } from '../../store/store.ts';
import type { Call } from '../call.ts';
import { readDeleteOptions } from '../delete-options.ts';
import { deleteCollectionWorkers } from '../limits.ts';
import { listOptions } from '../options.ts';
import { respondList } from '../respond.ts';
import { selectionOf } from '../selection.ts';
import { deleteObject, deleteScope } from './delete.ts';
import { listObjects } from './list.ts';

export async function deleteCollection(call: Call): Promise<Response> {
  const listing = listOptions(call.query, false);
  const selection = selectionOf(call.kind, listing.labelSelector, listing.fieldSelector);
  const options = await readDeleteOptions(call);
  // kube-apiserver names no object in the path here; admission sees each by its own name.
  const scope = { ...deleteScope(call, options), name: '' };
  const listed = await listObjects(call, listing, selection);
  const waiting = listed.items.toReversed();
  const work = async (): Promise<void> => {
    for (let item = waiting.pop(); item; item = waiting.pop()) await deleteOne(item);
  };
  const deleteOne = async (item: StoredObject): Promise<void> => {
    try {
      await deleteObject({ ...scope, namespace: item.object.metadata.namespace ?? '' }, keyOf(item.object), {
        ...options,
      });
    } catch (error) {
      if (!isStatus(error, 'NotFound')) throw error;
    }
  };
  await Promise.all(Array.from({ length: deleteCollectionWorkers }, work));
  return respondList(call, listed);
}
