import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CoreClients } from './core-clients.ts';
import { invoker } from './invoke.ts';

interface Sent {
  name: string;
  input: { FunctionName: string; InvocationType?: string; Payload: Uint8Array };
}

/** Lambda that answers every command the same way. */
function lambdaOf(answer: object) {
  const sent: Sent[] = [];
  const send = async (command: { constructor: { name: string }; input: Sent['input'] }) => {
    sent.push({ name: command.constructor.name, input: command.input });
    return answer;
  };
  const clients = { lambda: async () => ({ send }) } as unknown as CoreClients;
  return { sent, invoke: invoker(clients, 'dialer') };
}

const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

async function* events(...list: object[]) {
  yield* list;
}

const collected = async (chunks: AsyncIterable<Uint8Array>): Promise<string> => {
  let text = '';
  for await (const chunk of chunks) text += new TextDecoder().decode(chunk);
  return text;
};

test('an event that nobody waits for is handed over as one', async () => {
  const { sent, invoke } = lambdaOf({ StatusCode: 202 });
  await invoke.later({ a: 'ä' });
  const [{ name, input }] = sent as [Sent];
  assert.deepEqual([name, input.FunctionName, input.InvocationType], ['InvokeCommand', 'dialer', 'Event']);
  assert.equal(new TextDecoder().decode(input.Payload), '{"a":"ä"}');
});

test('what a function returned, or why it failed', async () => {
  assert.deepEqual(await lambdaOf({ Payload: bytes({ b: 1 }) }).invoke.whole({}), { b: 1 });
  const failed = lambdaOf({ FunctionError: 'Unhandled', Payload: bytes({ errorMessage: 'out of memory' }) });
  await assert.rejects(failed.invoke.whole({}), /the function dialer failed: out of memory/);
  const silent = lambdaOf({ FunctionError: 'Unhandled', Payload: new Uint8Array() });
  await assert.rejects(silent.invoke.whole({}), /no reason was given/);
});

test('what a function streams, and the failure that comes at the end', async () => {
  const chunk = (text: string) => ({ PayloadChunk: { Payload: new TextEncoder().encode(text) } });
  const good = lambdaOf({ EventStream: events(chunk('one'), chunk(''), chunk('two'), { InvokeComplete: {} }) });
  assert.equal(await collected(await good.invoke.streamed({})), 'onetwo');
  assert.equal(good.sent[0]?.name, 'InvokeWithResponseStreamCommand');
  const bad = lambdaOf({ EventStream: events(chunk('half'), { InvokeComplete: { ErrorCode: 'Sandbox.Timedout' } }) });
  await assert.rejects(collected(await bad.invoke.streamed({})), /failed: Sandbox\.Timedout/);
});
