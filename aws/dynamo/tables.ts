// The two tables as DynamoDB's CreateTable takes them, for those who make them without the CDK app.
import type { CreateTableCommandInput } from '@aws-sdk/client-dynamodb';
import type { TableSchema } from './schema.ts';
import { changesSchema, objectsSchema } from './schema.ts';

export interface TableNames {
  readonly objectsTable: string;
  readonly changesTable: string;
}

/** On-demand tables; TTL is turned on by another call (UpdateTimeToLive). */
export const tableDefinitions = (names: TableNames): CreateTableCommandInput[] => [
  definition(names.objectsTable, objectsSchema),
  definition(names.changesTable, changesSchema),
];

const definition = (name: string, { partitionKey, sortKey, stream }: TableSchema): CreateTableCommandInput => ({
  TableName: name,
  BillingMode: 'PAY_PER_REQUEST',
  AttributeDefinitions: [partitionKey, sortKey].map((key) => ({ AttributeName: key.name, AttributeType: key.type })),
  KeySchema: [
    { AttributeName: partitionKey.name, KeyType: 'HASH' },
    { AttributeName: sortKey.name, KeyType: 'RANGE' },
  ],
  ...(stream ? { StreamSpecification: { StreamEnabled: true, StreamViewType: stream } } : {}),
});
