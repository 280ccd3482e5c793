import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AwsError, numbered, queryClient } from './client.ts';
import { elementsAt, readXml, textAt } from './xml.ts';

const asking = (status: number, answer: string) => {
  const asked: { url: string; body: string; headers: Headers }[] = [];
  const query = queryClient({
    region: 'cn-north-1',
    credentials: async () => ({ accessKeyId: 'a', secretAccessKey: 'b' }),
    now: () => Date.UTC(2026, 0, 1),
    async fetch(url, { body, headers }) {
      asked.push({ url, body: String(body), headers: new Headers(headers) });
      return new Response(answer, { status });
    },
  });
  return { asked, query };
};

test('a call goes to the service of its region, signed for it, with its version', async () => {
  const { asked, query } = asking(200, '<R><id>7</id></R>');
  const lists = numbered('Tags.member', [{ Key: 'a', Value: 'b & c' }]);
  assert.equal(textAt(await query('elasticloadbalancing', 'DescribeIt', lists), 'id'), '7');
  const [{ url, body, headers }] = asked as [(typeof asked)[0]];
  assert.equal(url, 'https://elasticloadbalancing.cn-north-1.amazonaws.com.cn/');
  assert.equal(body, 'Action=DescribeIt&Version=2015-12-01&Tags.member.1.Key=a&Tags.member.1.Value=b+%26+c');
  assert.match(headers.get('authorization') ?? '', /Credential=a\/20260101\/cn-north-1\/elasticloadbalancing\//);
});

test('errors have the code and message of either form; what is no answer of AWS has its status', async () => {
  const why = async (status: number, answer: string): Promise<[string, string]> => {
    const error: unknown = await asking(status, answer)
      .query('ec2', 'Do', {})
      .catch((thrown: unknown) => thrown);
    assert.ok(error instanceof AwsError);
    return [error.code, error.message];
  };
  const error = '<Error><Code>InUse</Code><Message>by &apos;x&apos;</Message></Error>';
  const expected = ['InUse', "Do: InUse: by 'x'"];
  assert.deepEqual(await why(400, `<ErrorResponse xmlns="http://x/">${error}</ErrorResponse>`), expected);
  assert.deepEqual(await why(400, `<?xml version="1.0"?><Response><Errors>${error}</Errors></Response>`), expected);
  assert.deepEqual(await why(503, '<html>'), ['', 'Do: AWS answers 503']);
});

test('elements, empty ones too, at the end of a path; what is cut off is no answer', () => {
  const answer = readXml('<a x="1">\n  <l><m><v>1</v></m><m/><m><v>&lt;2&gt;</v></m></l><e/></a>');
  assert.deepEqual(
    elementsAt(answer, 'l', 'm').map((one) => textAt(one, 'v')),
    ['1', '', '<2>'],
  );
  for (const text of ['', 'words', '<a><b></b>', '<a></b>']) assert.throws(() => readXml(text));
});
