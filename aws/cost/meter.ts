// Counts what a cluster asks of AWS, by what it was asked for. What the counts cost is bill.ts's business.

/** What is counted. Bytes and units are summed, so that a month is a day times thirty. */
export type Quantity =
  | 'requests'
  /** DynamoDB's read and write request units. */
  | 'readUnits'
  | 'writeUnits'
  /** Of a request's and an answer's body. */
  | 'bytesIn'
  | 'bytesOut'
  /** Lambda: memory in MB times billed milliseconds. */
  | 'mbMs'
  /** Lambda: billed milliseconds, whatever the memory. */
  | 'ms'
  /** Lambda: of them, milliseconds of one processor. */
  | 'processorMs'
  /** Kept for the time counted: bytes times milliseconds. */
  | 'byteMs';

export interface Count {
  /** What it was for: `tick`, `node sync`. */
  readonly cause: string;
  /** `dynamodb`, `lambda`, `api-gateway`, `sqs`, `ssm`, `kms`, `logs` ... */
  readonly service: string;
  /** Of the service: `GetItem`, or a function's name. */
  readonly operation: string;
  readonly quantity: Quantity;
  readonly amount: number;
}

export class Meter {
  /** What is done now is done for this. */
  cause: string;
  readonly #counts = new Map<string, { -readonly [K in keyof Count]: Count[K] }>();

  constructor(cause = '') {
    this.cause = cause;
  }

  add(service: string, operation: string, quantity: Quantity, amount: number, cause = this.cause): void {
    if (amount === 0) return;
    const key = `${cause}\n${service}\n${operation}\n${quantity}`;
    const standing = this.#counts.get(key);
    if (standing) standing.amount += amount;
    else this.#counts.set(key, { cause, service, operation, quantity, amount });
  }

  counts(): Count[] {
    return [...this.#counts.values()].map((count) => ({ ...count }));
  }

  /** All counts, which begin at zero again. */
  take(): Count[] {
    const counts = this.counts();
    this.#counts.clear();
    return counts;
  }

  addAll(counts: Iterable<Count>): void {
    for (const { service, operation, quantity, amount, cause } of counts)
      this.add(service, operation, quantity, amount, cause);
  }
}
