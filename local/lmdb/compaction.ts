// Drops the oldest changes of a resource from the disk, a bounded piece at a time.
import type { LogLimits } from '../../core/store/change-log.ts';
import type { Resource, Revision } from '../../core/store/store.ts';
import { together, transaction } from './backlog.ts';
import type { RowHeader, Tables } from './rows.ts';
import { decodeHeader } from './rows.ts';
import type { Loaded } from './store.ts';

/** Rows that one transaction looks at; between them writes get their turn. */
const pieceLength = 500;

/** Resolves once every change that is too old, or too many, is gone. Rejects when the disk fails; nothing is lost by it. */
export async function compact(
  tables: Tables,
  resource: Resource,
  loaded: Loaded,
  limits: LogLimits,
  nowMs: number,
): Promise<void> {
  for (;;) {
    const piece = expiredPiece(tables, resource, loaded, limits, nowMs);
    const floor = piece.at(-1)?.revision;
    if (floor === undefined) return;
    // Readers turn to the new floor before the rows go.
    loaded.floor = floor;
    await transaction(tables, () => {
      for (const { revision, type, previousRevision } of piece) {
        // Once this change has left the log, nobody can ask for the state before it; nor for one deleted by it.
        if (previousRevision) together(tables.rows.remove([resource, previousRevision]));
        if (type === 'DELETED') together(tables.rows.remove([resource, revision]));
      }
      together(tables.meta.put(['floor', resource], floor));
    });
  }
}

function expiredPiece(tables: Tables, resource: Resource, loaded: Loaded, limits: LogLimits, nowMs: number) {
  const piece: (RowHeader & { revision: Revision })[] = [];
  const oldest = nowMs - limits.maxAgeMs;
  const range = tables.rows.getRange({
    start: [resource, loaded.floor + 1],
    end: [resource, loaded.log.head + 1],
    limit: pieceLength,
  });
  for (const { key, value } of range) {
    const revision = key[1];
    const header = decodeHeader(value);
    // Hardly a revision is without a change, so that their difference counts the changes after this one.
    if (header.at >= oldest && loaded.log.head - revision < limits.maxChanges) break;
    piece.push({ ...header, revision });
  }
  return piece;
}
