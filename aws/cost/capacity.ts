// DynamoDB's request units: what an answer says was consumed, or else what the documented rules make of the sizes.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
import type { AttributeValue } from '@aws-sdk/client-dynamodb';

type Item = Readonly<Record<string, AttributeValue>>;

export interface Units {
  read: number;
  write: number;
}

const readBlock = 4_096;
const writeBlock = 1_024;

/** Size of an item as it is charged for, in bytes: names and values. */
export function itemBytes(item: Item): number {
  let bytes = 0;
  for (const [name, value] of Object.entries(item)) bytes += Buffer.byteLength(name) + valueBytes(value);
  return bytes;
}

function valueBytes(value: AttributeValue): number {
  if (value.S !== undefined) return Buffer.byteLength(value.S);
  if (value.N !== undefined) return numberBytes(value.N);
  if (value.B !== undefined) return value.B.byteLength;
  if (value.SS) return value.SS.reduce((sum, one) => sum + Buffer.byteLength(one), 0);
  if (value.NS) return value.NS.reduce((sum, one) => sum + numberBytes(one), 0);
  if (value.BS) return value.BS.reduce((sum, one) => sum + one.byteLength, 0);
  if (value.L) return 3 + value.L.reduce((sum, one) => sum + 1 + valueBytes(one), 0);
  if (value.M) return 3 + Object.keys(value.M).length + itemBytes(value.M);
  return 1;
}

/** About a byte for two significant digits, and one. */
function numberBytes(text: string): number {
  const digits = text.replace(/[-.]|[eE].*$/g, '').replace(/^0+|0+$/g, '');
  return Math.ceil(digits.length / 2) + 1 + (text.startsWith('-') ? 1 : 0);
}

export const writeUnitsOf = (bytes: number): number => Math.max(1, Math.ceil(bytes / writeBlock));

/** Of one item, or of what one Query read in all. */
export const readUnitsOf = (bytes: number, consistent: boolean): number =>
  Math.max(1, Math.ceil(bytes / readBlock)) * (consistent ? 1 : 0.5);

interface Consumed {
  CapacityUnits?: number;
}

/** The parts of a call's input and output that are looked at, of all operations. */
interface CallInput {
  Item?: Item;
  Key?: Item;
  ConsistentRead?: boolean;
  ExpressionAttributeValues?: Item;
  RequestItems?: Readonly<Record<string, { ConsistentRead?: boolean }>>;
  TransactItems?: readonly Readonly<Record<string, CallInput | undefined>>[];
}

interface CallOutput {
  ConsumedCapacity?: Consumed | readonly Consumed[];
  Item?: Item;
  Items?: readonly Item[];
  Responses?: Readonly<Record<string, readonly Item[]>>;
}

const reads: ReadonlySet<string> = new Set(['GetItem', 'Query', 'BatchGetItem', 'Scan', 'TransactGetItems']);

/**
 * Of one call. Without the answer's word a write is taken to be as large as what was sent, which is too little for an update of a
 * large item: no answer tells its size.
 */
export function unitsOf(operation: string, input: object, output: object): Units {
  const { ConsumedCapacity: consumed } = output as CallOutput;
  if (consumed) {
    const units = [consumed].flat().reduce((sum, { CapacityUnits = 0 }: Consumed) => sum + CapacityUnits, 0);
    return reads.has(operation) ? { read: units, write: 0 } : { read: 0, write: units };
  }
  return reads.has(operation)
    ? { read: readUnits(operation, input as CallInput, output as CallOutput), write: 0 }
    : { read: 0, write: writeUnits(input as CallInput) };
}

/**
 * Of a call that ended in an error: a condition that does not hold is paid for as if it did, a request that was throttled or
 * refused is not.
 */
export function unitsOfFailure(input: object, error: unknown): Units {
  const { name } = error as { name?: string };
  const isPaid = name === 'ConditionalCheckFailedException' || name === 'TransactionCanceledException';
  return { read: 0, write: isPaid ? writeUnits(input as CallInput) : 0 };
}

function readUnits(operation: string, { ConsistentRead = false, RequestItems = {} }: CallInput, output: CallOutput) {
  if (operation !== 'BatchGetItem') {
    const items = output.Items ?? (output.Item ? [output.Item] : []);
    return readUnitsOf(
      items.reduce((sum, item) => sum + itemBytes(item), 0),
      ConsistentRead,
    );
  }
  return Object.entries(output.Responses ?? {}).reduce((sum, [table, items]) => {
    const consistent = RequestItems[table]?.ConsistentRead ?? false;
    return sum + items.reduce((units, item) => units + readUnitsOf(itemBytes(item), consistent), 0);
  }, 0);
}

function writeUnits({ TransactItems, Item, Key, ExpressionAttributeValues }: CallInput): number {
  if (TransactItems) {
    const parts = TransactItems.flatMap((one) => Object.values(one)).filter((part) => part !== undefined);
    return 2 * parts.reduce((sum, part) => sum + writeUnits(part), 0);
  }
  return writeUnitsOf(itemBytes(Item ?? { ...Key, ...ExpressionAttributeValues }));
}
