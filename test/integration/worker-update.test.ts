// A worker as a process: the bundle joins with a token of its role, updates itself to the version that its syncs name, and is taken
// back from one that does not come up. systemd is played by the test; the API is the real one, AWS a stand-in.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import type { AgentConfig } from '../../agent/config.ts';
import type { CoreV1Event, Node } from '../../core/api/types.gen.ts';
import { createAccess } from '../../core/apiserver/access-control.ts';
import { createApiServer } from '../../core/apiserver/app.ts';
import { node } from '../../core/apiserver/fixture/server.ts';
import { createWorld, issuer, type World } from '../../core/apiserver/fixture/world.ts';
import { buildBundle } from '../../worker/bundle.ts';
import { install } from '../../worker/configure.ts';
import { bundleName, paths } from '../../worker/settings.ts';
import { eventually } from '../e2e/cluster.ts';

const name = 'i-0123456789abcdef0';
const root = mkdtempSync(join(tmpdir(), 'slipway-worker-update-'));
const at = (path: string): string => `${root}${path}`;
let world: World;
let server: Server;
let wanted: string;
const bundles = new Map<string, string>();
let child: ChildProcess | undefined;
let over = false;
const tokens = new Set<string>();

/** The API below a stage, SSM and S3, on one port of loopback. */
async function startStandIn(): Promise<string> {
  const { store, clock, ids, log, key } = world;
  const access = await createAccess({
    store,
    clock,
    ids,
    log,
    signingKeys: [key],
    issuers: [issuer],
    agentVersion: () => wanted,
  });
  const nodes = { fetch: () => Promise.reject(new Error('there are no nodes here')) };
  const version = { gitVersion: 'v1.36.0', major: '1', minor: '36', platform: 'test' };
  const api = createApiServer({ store, clock, ids, log, ...access, nodes, version });
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = 'GET', url = '', headers } = request;
    if (headers['x-amz-target'] === 'AmazonSSM.GetParameters') {
      const file = readFileSync(bundles.get(wanted)!);
      const Value = `${wanted} s3://assets/${wanted}.cjs ${createHash('sha256').update(file).digest('hex')}`;
      response.setHeader('content-type', 'application/x-amz-json-1.1');
      response.end(JSON.stringify({ Parameters: [{ Name: '/slipway/shop/agent-bundle', Value }] }));
      return;
    }
    if (url.startsWith('/assets/')) {
      response.end(readFileSync(bundles.get(url.slice('/assets/'.length).replace('.cjs', ''))!));
      return;
    }
    const token = headers.authorization?.replace('Bearer k8s-aws-v1.', '') ?? '';
    tokens.add(new URL(Buffer.from(token, 'base64url').toString()).searchParams.get('X-Amz-SignedHeaders') ?? '');
    const body = Buffer.concat(chunks);
    const answer = await api.fetch(
      new Request(`https://api.test${url.replace(/^\/prod/, '')}`, {
        method,
        headers: { 'content-type': headers['content-type'] ?? 'application/json' },
        ...(body.length > 0 ? { body } : {}),
      }),
      node(name).peer!,
    );
    response.writeHead(answer.status, Object.fromEntries(answer.headers));
    response.end(Buffer.from(await answer.arrayBuffer()));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Restart=always: the guard, then the program. */
function systemd(environment: NodeJS.ProcessEnv): void {
  if (over) return;
  assert.equal(spawnSync(at(paths.guard), [root]).status, 0);
  child = spawn(process.execPath, [`${at(paths.current)}/${bundleName}`, 'run', '--root', root], {
    env: environment,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  child.once('exit', () => systemd(environment));
}

before(async () => {
  world = await createWorld();
  const built = await buildBundle(join(root, 'built'));
  for (const version of ['1', '2']) {
    bundles.set(version, join(root, `bundle-${version}`));
    writeFileSync(bundles.get(version)!, `${readFileSync(built.file, 'utf8')}\n// ${version}\n`);
  }
  bundles.set('3', join(root, 'bundle-3'));
  writeFileSync(bundles.get('3')!, 'process.exit(1);\n');
  wanted = '1';
  const url = await startStandIn();
  install(root);
  mkdirSync(at(`${paths.versions}/1`), { recursive: true });
  cpSync(bundles.get('1')!, at(`${paths.versions}/1/${bundleName}`));
  symlinkSync('versions/1', at(paths.current));
  const config: AgentConfig = {
    clusterName: 'shop',
    nodeName: name,
    apiUrl: `${url}/prod`,
    caFile: at(paths.ca),
    identity: { kind: 'iam', cluster: 'shop', region: 'eu-central-1' },
    runtime: 'simulated',
    stateDir: at(paths.agentState),
    cgroupRoot: '/none',
    address: '127.0.0.1',
    port: 0,
    clusterDns: [],
    clusterDomain: 'cluster.local',
    leaseDurationSeconds: 4,
    syncIntervalSeconds: 1,
    labels: { 'topology.kubernetes.io/zone': 'eu-central-1a' },
    providerId: `aws:///eu-central-1a/${name}`,
  };
  mkdirSync(dirname(at(paths.settings)), { recursive: true });
  mkdirSync(at(paths.agentState), { recursive: true });
  writeFileSync(at(paths.agentConfig), JSON.stringify(config));
  writeFileSync(
    at(paths.settings),
    JSON.stringify({ cluster: 'shop', region: 'eu-central-1', parameters: '/slipway/shop' }),
  );
  writeFileSync(at(paths.ca), '');
  systemd({ ...process.env, AWS_ENDPOINT_URL: url, AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' });
});
after(async () => {
  over = true;
  const ended = child && new Promise((resolve) => child!.once('exit', resolve));
  child?.kill('SIGKILL');
  await ended;
  server?.close();
  server?.closeAllConnections();
  rmSync(root, { recursive: true, force: true });
});

const nodeObject = async (): Promise<Node | undefined> =>
  (await world.store.get('nodes', { namespace: '', name }))?.object as Node | undefined;
const reasons = async (): Promise<(string | undefined)[]> =>
  (await world.store.list('events', {})).items.map(({ object }) => (object as unknown as CoreV1Event).reason);
const kept = (): { state?: object; failure?: { version: string } } =>
  JSON.parse(readFileSync(at(paths.updateState), 'utf8'));

test('it joins by its role, under its name, with its place', async () => {
  await eventually('the node is there', async () => (await nodeObject()) !== undefined);
  const made = (await nodeObject())!;
  assert.equal(made.metadata?.labels?.['topology.kubernetes.io/zone'], 'eu-central-1a');
  assert.equal(made.spec?.providerID, `aws:///eu-central-1a/${name}`);
  assert.deepEqual([...tokens], ['host;x-k8s-aws-id']);
});

test('it follows the version that its syncs name, and takes pods again', async () => {
  wanted = '2';
  await eventually('version 2 has proved itself', async () => (await reasons()).includes('AgentUpdated'));
  await eventually('nothing is under way', () => kept().state === undefined);
  assert.equal(readlinkSync(at(paths.current)), 'versions/2');
  assert.equal(existsSync(at('/var/lib/slipway/trying')), false);
  assert.equal((await nodeObject())?.spec?.unschedulable, undefined);
});

test('from a version that does not come up it goes back, says so, and does not try it again at once', async () => {
  wanted = '3';
  await eventually('it was taken back', async () => (await reasons()).includes('AgentUpdateFailed'));
  await eventually('nothing is under way', () => kept().state === undefined);
  assert.equal(readlinkSync(at(paths.current)), 'versions/2');
  assert.equal(kept().failure?.version, '3');
  assert.equal((await nodeObject())?.spec?.unschedulable, undefined);
});
