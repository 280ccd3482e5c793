// Sends one call. The SDK tries again by itself (standard mode); what is learnt here is what became of all the attempts.
import type {
  DynamoDBClient,
  DynamoDBClientResolvedConfig,
  ServiceInputTypes,
  ServiceOutputTypes,
} from '@aws-sdk/client-dynamodb';
import type { Command } from '@smithy/types';
import { CallFailed, isUncertain } from './failures.ts';

type CommandOf<I extends ServiceInputTypes, O extends ServiceOutputTypes> = Command<
  ServiceInputTypes,
  I,
  ServiceOutputTypes,
  O,
  DynamoDBClientResolvedConfig
>;

/**
 * How long a call may take with all its attempts, in milliseconds: a table that swallows requests must not swallow those who
 * ask. Most calls take a few.
 */
const callTimeoutMs = 3_000;

/** Throws CallFailed. `uncertain` is true when any of the attempts may have taken effect, not only the last. */
export async function send<I extends ServiceInputTypes, O extends ServiceOutputTypes>(
  client: DynamoDBClient,
  command: CommandOf<I, O>,
): Promise<O> {
  let uncertain = false;
  command.middlewareStack.add(
    (next) => async (request) => {
      try {
        return await next(request);
      } catch (error) {
        uncertain ||= isUncertain(error);
        throw error;
      }
    },
    // Within the retries: it sees each attempt, once it is signed.
    { step: 'finalizeRequest', priority: 'low', name: 'attempts' },
  );
  try {
    return await client.send(command, { abortSignal: AbortSignal.timeout(callTimeoutMs) });
  } catch (error) {
    throw new CallFailed(error, uncertain);
  }
}
