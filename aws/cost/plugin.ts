// The meter in the SDK's clients: `clients.use(meterPlugin(meter))`. Each attempt is counted, as AWS counts it.
import type { AwsPlugin } from '../core-clients.ts';
import { type Units, unitsOf, unitsOfFailure } from './capacity.ts';
import type { Meter } from './meter.ts';

/** Answers of these say what they consumed, when they are asked to. */
const tellsCapacity: ReadonlySet<string> = new Set([
  'GetItem',
  'Query',
  'BatchGetItem',
  'PutItem',
  'UpdateItem',
  'DeleteItem',
  'TransactWriteItems',
]);

interface Sent {
  input: object;
  request: { body?: string | Uint8Array };
}

interface Answered {
  response: { headers?: Record<string, string> };
  output: object;
}

export const meterPlugin = (meter: Meter): AwsPlugin => ({
  applyToStack(stack) {
    stack.add(
      (next, context) => (args) => {
        const [service, operation] = namesOf(context);
        const asks = service === 'dynamodb' && tellsCapacity.has(operation);
        return next(asks ? { ...args, input: { ...args.input, ReturnConsumedCapacity: 'TOTAL' } } : args);
      },
      { step: 'initialize', name: 'meterAsks' },
    );
    stack.add(
      (next, context) => async (args) => {
        const [service, operation] = namesOf(context);
        const { input, request } = args as unknown as Sent;
        meter.add(service, operation, 'requests', 1);
        meter.add(service, operation, 'bytesIn', lengthOf(request.body));
        try {
          const answer = await next(args);
          const { response, output } = answer as unknown as Answered;
          meter.add(service, operation, 'bytesOut', Number(response.headers?.['content-length'] ?? 0));
          if (service === 'dynamodb') addUnits(meter, operation, unitsOf(operation, input, output));
          if (service === 'ssm') meter.add('kms', 'Decrypt', 'requests', decryptions(output));
          return answer;
        } catch (error) {
          if (service === 'dynamodb') addUnits(meter, operation, unitsOfFailure(input, error));
          throw error;
        }
      },
      { step: 'deserialize', priority: 'high', name: 'meterCounts' },
    );
  },
});

function namesOf(context: object): [service: string, operation: string] {
  const { clientName = '', commandName = '' } = context as { clientName?: string; commandName?: string };
  return [clientName.replace(/Client$/, '').toLowerCase(), commandName.replace(/Command$/, '')];
}

const lengthOf = (body: string | Uint8Array | undefined): number =>
  typeof body === 'string' ? Buffer.byteLength(body) : (body?.byteLength ?? 0);

function addUnits(meter: Meter, operation: string, { read, write }: Units): void {
  meter.add('dynamodb', operation, 'readUnits', read);
  meter.add('dynamodb', operation, 'writeUnits', write);
}

/** SSM asks KMS once for each SecureString that it decrypts. */
function decryptions(output: object): number {
  const { Parameters = [], Parameter } = output as { Parameters?: { Type?: string }[]; Parameter?: { Type?: string } };
  return [...Parameters, Parameter].filter((one) => one?.Type === 'SecureString').length;
}
