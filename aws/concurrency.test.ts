import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reserveConcurrency } from './concurrency.ts';
import type { CoreClients } from './core-clients.ts';

function lambdaThat(answer: () => object) {
  const sent: object[] = [];
  const send = async ({ input }: { input: object }): Promise<object> => {
    sent.push(input);
    return answer();
  };
  const clients = { lambda: async () => ({ send }) } as unknown as Pick<CoreClients, 'lambda'>;
  return { sent, clients };
}

const failure = (name: string, message: string): Error => Object.assign(new Error(message), { name });

test('a reservation is asked for by the name of the function', async () => {
  const { sent, clients } = lambdaThat(() => ({ ReservedConcurrentExecutions: 1 }));
  assert.equal(await reserveConcurrency(clients, 'scheduler', 1), undefined);
  assert.deepEqual(sent, [{ FunctionName: 'scheduler', ReservedConcurrentExecutions: 1 }]);
});

test('an account that has too few to reserve any is told, and everything else is an error', async () => {
  const few =
    "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below";
  const refusing = (error: Error) =>
    lambdaThat(() => {
      throw error;
    }).clients;
  const poor = refusing(failure('InvalidParameterValueException', few));
  assert.equal(await reserveConcurrency(poor, 'scheduler', 1), few);
  await assert.rejects(reserveConcurrency(refusing(failure('AccessDenied', 'not you')), 'scheduler', 1), /not you/);
});
