// How many invocations of a function may run at once.
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
import type { CoreClients } from './core-clients.ts';

/**
 * At most so many from now on. Resolves to why not, where the account has too few left: Lambda keeps 100 for functions that reserve
 * none (fewer in new accounts, whose limit may be 10 in all). Throws the SDK's error for anything else.
 */
export async function reserveConcurrency(
  clients: Pick<CoreClients, 'lambda'>,
  name: string,
  executions: number,
): Promise<string | undefined> {
  const { PutFunctionConcurrencyCommand } = await import('./sdk/lambda.ts');
  const lambda = await clients.lambda();
  const command = new PutFunctionConcurrencyCommand({ FunctionName: name, ReservedConcurrentExecutions: executions });
  try {
    await lambda.send(command);
    return undefined;
  } catch (error) {
    if ((error as Error).name !== 'InvalidParameterValueException') throw error;
    return (error as Error).message;
  }
}
