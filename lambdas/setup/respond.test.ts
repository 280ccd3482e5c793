import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answerDirectly, isDirect } from './respond.ts';

const event = {
  RequestType: 'Create' as const,
  ResponseURL: 'https://s3.example/x?signature=y',
  StackId: 'stack',
  RequestId: 'request',
  LogicalResourceId: 'Setup',
};

async function answered(work: () => Promise<{ PhysicalResourceId: string }>, status = 200) {
  const sent: { url: string; init: RequestInit }[] = [];
  await answerDirectly(event, {
    work,
    log: () => undefined,
    fetch: async (url, init) => {
      sent.push({ url, init });
      return new Response(null, { status });
    },
  });
  assert.equal(sent.length, 1);
  const [{ url, init }] = sent as [(typeof sent)[0]];
  assert.deepEqual([url, init.method, init.headers], [event.ResponseURL, 'PUT', { 'content-type': '' }]);
  return JSON.parse(String(init.body));
}

test('what was done is told to CloudFormation at its URL', async () => {
  const answer = { PhysicalResourceId: '/slipway/shop', Data: { ApiUrl: 'x' } };
  assert.deepEqual(await answered(async () => answer), {
    Status: 'SUCCESS',
    StackId: 'stack',
    RequestId: 'request',
    LogicalResourceId: 'Setup',
    ...answer,
  });
});

test('what failed is told with its reason, in few words', async () => {
  const { Status, Reason, PhysicalResourceId } = await answered(async () => {
    throw new Error(`a parameter is missing ${'x'.repeat(9_000)}`);
  });
  assert.deepEqual([Status, PhysicalResourceId], ['FAILED', 'request']);
  assert.match(Reason, /^a parameter is missing/);
  assert.ok(Reason.length <= 1_000);
});

test('an answer that is not taken is an error of the function, which is called again', async () => {
  await assert.rejects(
    answered(async () => ({ PhysicalResourceId: 'x' }), 403),
    /answered 403/,
  );
});

test('the form of the Provider framework has no URL', () => {
  assert.equal(isDirect(event), true);
  assert.equal(isDirect({ RequestType: 'Create' }), false);
});
