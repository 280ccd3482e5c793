// The two tables of the store, as aws/dynamo/schema.ts describes them.
import { RemovalPolicy } from 'aws-cdk-lib';
import { AttributeType, BillingMode, StreamViewType, Table, TableEncryption } from 'aws-cdk-lib/aws-dynamodb';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import { changesSchema, objectsSchema, type TableSchema } from '../aws/dynamo/schema.ts';

export interface TablesProps {
  removal: 'retain' | 'destroy';
  /** The customer's key; absent: a key that AWS owns, which costs nothing. */
  key?: IKey;
}

/**
 * On demand: no capacity is paid for that is not used. Point-in-time recovery is priced by the gigabyte kept (0.20 USD), cents for a
 * cluster's state and the day of history that its log holds.
 */
export class Tables extends Construct {
  readonly objects: Table;
  readonly changes: Table;

  constructor(scope: Construct, id: string, props: TablesProps) {
    super(scope, id);
    this.objects = this.#table('Objects', objectsSchema, props);
    this.changes = this.#table('Changes', changesSchema, props);
  }

  #table(id: string, schema: TableSchema, props: TablesProps): Table {
    return new Table(this, id, {
      partitionKey: attribute(schema.partitionKey),
      sortKey: attribute(schema.sortKey),
      billingMode: BillingMode.PAY_PER_REQUEST,
      timeToLiveAttribute: schema.ttl,
      stream: schema.stream && StreamViewType[schema.stream],
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      encryption: props.key ? TableEncryption.CUSTOMER_MANAGED : TableEncryption.DEFAULT,
      encryptionKey: props.key,
      deletionProtection: props.removal === 'retain',
      removalPolicy: props.removal === 'retain' ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
  }
}

const attribute = ({ name, type }: TableSchema['partitionKey']): { name: string; type: AttributeType } => ({
  name,
  type: type === 'N' ? AttributeType.NUMBER : AttributeType.STRING,
});
