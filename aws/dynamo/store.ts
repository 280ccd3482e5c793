// The store port on DynamoDB: the revision protocol, carried out on two tables. Any number of processes may have one open.
// See docs/decisions/0001-revisions.md and 0006-dynamodb-layout.md.
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { badRequest } from '../../core/api/errors.ts';
import type { Ports } from '../../core/ports.ts';
import type { ProtocolLimits } from '../../core/store/protocol/context.ts';
import { defaultProtocolLimits } from '../../core/store/protocol/context.ts';
import { ProtocolStore } from '../../core/store/protocol/store.ts';
import type { Commit, CommitResult } from '../../core/store/store.ts';
import { dynamoExecutor } from './executor.ts';
import { fitsKey } from './keys.ts';
import { bytesOf } from './parts.ts';

export interface DynamoStoreOptions {
  /** The one to close it is its maker. */
  client: DynamoDBClient;
  objectsTable: string;
  changesTable: string;
  ports: Ports;
  limits?: Partial<ProtocolLimits>;
}

/** The SDK has tried several times before the protocol does, and a client of the API should hear within its patience. */
const attempts = 4;

/** Opens nothing: the first call does. */
export function openDynamoStore({
  client,
  objectsTable,
  changesTable,
  ports,
  limits,
}: DynamoStoreOptions): DynamoStore {
  const merged = { ...defaultProtocolLimits, attempts, ...limits };
  const execute = dynamoExecutor({ client, objectsTable, changesTable }, merged.retentionMs);
  return new DynamoStore({ execute, ports, limits: merged });
}

export class DynamoStore extends ProtocolStore {
  /** As ProtocolStore; also throws BadRequest for a name and RequestEntityTooLarge for an object that no item can hold. */
  override async commit(commit: Commit): Promise<CommitResult> {
    if (!fitsKey(commit.key)) throw badRequest('namespace and name together are longer than 1,000 bytes');
    // Before a revision is taken for it. The bytes are kept for the transaction.
    bytesOf(commit.object);
    return await super.commit(commit);
  }
}
