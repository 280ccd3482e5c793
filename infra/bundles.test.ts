// The functions' bundles: none too large, and nothing in them other than it is in the sources.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import * as ec2 from '../aws/sdk/ec2.ts';
import * as ssm from '../aws/sdk/ssm.ts';
import { bundleBytes, bundleFunctions, bundleOptions } from './bundles.ts';
import { functionNames } from './function-shapes.ts';

const out = mkdtempSync(join(tmpdir(), 'slipway-bundles-'));
after(() => rmSync(out, { recursive: true }));

/** A cold start of Lambda has 120 ms for reading and compiling it. */
const largestBundle = 1_500_000;

test('no bundle is larger than 1.5 MB, and each has its source map', async () => {
  const folders = await bundleFunctions(join(out, 'functions'));
  const sizes = functionNames.map((name) => ({ name, bytes: bundleBytes(folders[name]) }));
  assert.ok(
    sizes.every(({ bytes }) => bytes > 5_000),
    `nothing was bundled: ${JSON.stringify(sizes)}`,
  );
  assert.deepEqual(
    sizes.filter(({ bytes }) => bytes > largestBundle),
    [],
  );
  assert.ok(functionNames.every((name) => existsSync(join(folders[name], 'index.mjs.map'))));
});

/** What these lines export, bundled as the functions are. */
async function bundled<T>(name: string, contents: string): Promise<T> {
  const outdir = join(out, name);
  const stdin = { contents, resolveDir: join(import.meta.dirname, '..'), loader: 'ts' } as const;
  await build({ ...bundleOptions, stdin, outdir });
  return (await import(pathToFileURL(join(outdir, 'stdin.mjs')).href)) as T;
}

test('packed tables are what the files hold', async () => {
  const files = ['core/api/schema/schemas-1.36.json', 'core/apiserver/bootstrap/default-roles.json'];
  const lines = files.map((file, i) => `export { default as table${i} } from './${file}' with { type: 'json' };`);
  const tables = await bundled<Record<string, unknown>>('tables', lines.join('\n'));
  for (const [i, file] of files.entries()) {
    const text = readFileSync(new URL(`../${file}`, import.meta.url), 'utf8');
    assert.deepEqual(tables[`table${i}`], JSON.parse(text));
  }
  assert.ok(bundleBytes(join(out, 'tables')) < 60_000);
});

const account = { region: 'eu-west-1', credentials: { accessKeyId: 'a', secretAccessKey: 'b' } };

/** Answers every request so, and keeps what was asked. */
function answering(statusCode: number, text: string) {
  const asked: string[] = [];
  const handle = async ({ body }: { body: string }): Promise<object> => {
    asked.push(body);
    return { response: { statusCode, headers: {}, body: new TextEncoder().encode(text) } };
  };
  return { asked, requestHandler: { handle } as never };
}

test('a client without the shapes that nobody asks for asks and understands the same', async () => {
  const answer = `<DescribeInstancesResponse><reservationSet><item><instancesSet><item>
    <instanceId>i-1</instanceId><launchTime>2026-11-26T10:00:00.000Z</launchTime>
    </item></instancesSet></item></reservationSet></DescribeInstancesResponse>`;
  const ask = async ({ EC2Client, DescribeInstancesCommand }: typeof ec2) => {
    const { asked, requestHandler } = answering(200, answer);
    const client = new EC2Client({ ...account, requestHandler });
    const filter = { Name: 'instance-id', Values: ['i-1', 'i-2'] };
    const { Reservations } = await client.send(new DescribeInstancesCommand({ Filters: [filter] }));
    return { asked, Reservations };
  };
  const small = await ask(await bundled<typeof ec2>('ec2', "export * from './aws/sdk/ec2.ts';"));
  assert.deepEqual(small, await ask(ec2));
  assert.match(small.asked[0]!, /Filter\.1\.Value\.2=i-2/);
  assert.equal(small.Reservations?.[0]?.Instances?.[0]?.InstanceId, 'i-1');
});

test('an error whose class is left out has the name and message that it has with it', async () => {
  const answer = JSON.stringify({ __type: 'ParameterNotFound', message: 'there is none' });
  const ask = async ({ SSMClient, GetParameterCommand }: typeof ssm) => {
    const { requestHandler } = answering(400, answer);
    const client = new SSMClient({ ...account, requestHandler });
    const error = await client.send(new GetParameterCommand({ Name: '/x' })).catch((thrown: Error) => thrown);
    assert.ok(error instanceof Error);
    const { name, message, $fault } = error as Error & { $fault?: string };
    return { name, message, $fault };
  };
  const small = await ask(await bundled<typeof ssm>('ssm', "export * from './aws/sdk/ssm.ts';"));
  assert.deepEqual(small, { name: 'ParameterNotFound', message: 'there is none', $fault: 'client' });
  assert.deepEqual(small, await ask(ssm));
});
