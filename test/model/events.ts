// What processes of the model say about themselves.
import type { Change, Revision, StoredObject } from '../../core/store/store.ts';

export type ModelEvent =
  | { what: 'acknowledged'; revision: Revision; writer: string }
  /** Nothing was written, and nothing may be later, by any of these attempts. */
  | { what: 'refused'; writers: readonly string[] }
  | { what: 'head'; revision: Revision }
  | { what: 'listed'; revision: Revision; items: readonly StoredObject[]; isNewest: boolean }
  | { what: 'read on'; since: Revision; upTo: Revision; changes: readonly Change[] }
  | { what: 'broken'; error: string };
