import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { load } from 'js-yaml';
import { execCredential } from './token.ts';

const main = fileURLToPath(new URL('../main.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'slipway-token-'));
const asked: { target: string; body: string; authorization: string }[] = [];
let endpoint: string;

/** SSM and STS as an emulator serves them, at one address. */
const emulator = createServer(async (request, response) => {
  const body = await bodyOf(request);
  const target = String(request.headers['x-amz-target'] ?? '');
  asked.push({ target, body, authorization: request.headers.authorization ?? '' });
  if (target === 'AmazonSSM.GetParameter') return ssm(JSON.parse(body).Name, response);
  const { Action = '', RoleArn = '' } = Object.fromEntries(new URLSearchParams(body));
  assert.equal(Action, 'AssumeRole');
  if (RoleArn.endsWith('/Denied'))
    return response.writeHead(403).end('<Error><Message>not authorized</Message></Error>');
  const Credentials = {
    AccessKeyId: 'ASIATAKEN',
    SecretAccessKey: 'other',
    SessionToken: 'session+token',
    Expiration: Date.now() / 1_000 + 3_600,
  };
  return response.end(JSON.stringify({ AssumeRoleResponse: { AssumeRoleResult: { Credentials } } }));
});

function ssm(name: string, response: ServerResponse): void {
  response.setHeader('content-type', 'application/x-amz-json-1.1');
  if (name === '/slipway/shop/api-url') {
    response.end(JSON.stringify({ Parameter: { Name: name, Value: 'https://abc.example/prod/' } }));
  } else response.writeHead(400).end(JSON.stringify({ __type: 'ParameterNotFound' }));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += chunk;
  return text;
}

before(async () => {
  mkdirSync(join(folder, '.aws'));
  const team = '[team]\naws_access_key_id = AKIDTEAM\naws_secret_access_key = x\n';
  writeFileSync(join(folder, '.aws/credentials'), team);
  await new Promise<void>((resolve) => emulator.listen(0, '127.0.0.1', resolve));
  endpoint = `http://127.0.0.1:${(emulator.address() as AddressInfo).port}`;
});
after(() => {
  emulator.close();
  emulator.closeAllConnections();
  rmSync(folder, { recursive: true });
});

const run = async (args: readonly string[], env: Record<string, string> = {}) => {
  const base = {
    PATH: process.env['PATH'] ?? '',
    HOME: folder,
    AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'secret',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_ENDPOINT_URL: endpoint,
  };
  const options = { env: { ...base, ...env } };
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [main, ...args], options);
    return { code: 0, stdout, stderr: '' };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
};

const urlOf = (token: string): URL => new URL(Buffer.from(token.slice('k8s-aws-v1.'.length), 'base64url').toString());

test('an ExecCredential names its end in seconds', () => {
  assert.deepEqual(execCredential({ token: 't', expiresAtMs: Date.parse('2026-11-26T10:14:00.789Z') }), {
    apiVersion: 'client.authentication.k8s.io/v1',
    kind: 'ExecCredential',
    spec: { interactive: false },
    status: { token: 't', expirationTimestamp: '2026-11-26T10:14:00Z' },
  });
});

test('slipway token prints a token of the identity that the environment holds', async () => {
  const { stdout } = await run(['token', '--cluster', 'shop', '--region', 'eu-west-1']);
  const { status } = JSON.parse(stdout);
  const url = urlOf(status.token);
  assert.equal(url.origin, endpoint);
  assert.match(url.searchParams.get('X-Amz-Credential') ?? '', /^AKIDEXAMPLE\/\d{8}\/eu-west-1\/sts\//);
  assert.match(status.expirationTimestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
});

test('and of the role that it takes on, which a refusal names', async () => {
  const role = 'arn:aws:iam::111122223333:role/Admin';
  const taken = await run(['token', '--cluster', 'shop', '--region', 'eu-west-1', '--role', role]);
  const url = urlOf(JSON.parse(taken.stdout).status.token);
  assert.match(url.searchParams.get('X-Amz-Credential') ?? '', /^ASIATAKEN\//);
  assert.equal(url.searchParams.get('X-Amz-Security-Token'), 'session+token');
  assert.match(asked.at(-1)?.authorization ?? '', /AKIDEXAMPLE\/\d{8}\/eu-west-1\/sts\/aws4_request/);
  const denied = await run(['token', '--cluster', 'shop', '--region', 'eu-west-1', '--role', `${role}/Denied`]);
  assert.equal(denied.code, 1);
  assert.match(denied.stderr, /does not give the role .*: not authorized\n {2}hint:/);
});

test('a region that nobody names is asked for', async () => {
  const { code, stderr } = await run(['token', '--cluster', 'shop']);
  assert.equal(code, 1);
  assert.match(stderr, /no AWS region is set\n {2}hint: name it: --region/);
});

test('slipway kubeconfig --stack prints a context, or adds it to a file', async () => {
  const args = ['kubeconfig', '--stack', 'shop', '--region', 'eu-west-1'];
  const printed = load((await run(args, { AWS_PROFILE: 'team' })).stdout) as Record<string, unknown>;
  assert.deepEqual(printed['clusters'], [{ name: 'shop.eu-west-1', cluster: { server: 'https://abc.example/prod' } }]);
  const [{ user }] = printed['users'] as [{ user: { exec: { command: string; args: string[]; env: object[] } } }];
  assert.match(user.exec.command, /slipway\.js$/);
  assert.deepEqual(user.exec.args, ['token', '--cluster', 'shop', '--region', 'eu-west-1']);
  assert.deepEqual(user.exec.env, [
    { name: 'AWS_PROFILE', value: 'team' },
    { name: 'AWS_ENDPOINT_URL', value: endpoint },
  ]);
  const file = join(folder, 'config');
  const { stdout } = await run([...args, '--add', '--kubeconfig', file]);
  assert.match(stdout, /context shop\.eu-west-1 is in/);
  assert.equal((load(readFileSync(file, 'utf8')) as Record<string, unknown>)['current-context'], 'shop.eu-west-1');
});

test('a cluster that is not there is named', async () => {
  const { code, stderr } = await run(['kubeconfig', '--stack', 'none', '--region', 'eu-west-1']);
  assert.equal(code, 1);
  assert.match(stderr, /no cluster "none" in eu-west-1: SSM parameter \/slipway\/none\/api-url is missing/);
});
