// What a team does with a cluster on AWS (docs/aws.md), and what must not happen to it, told on an emulator: one story for all of them.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { identityToken } from '../../aws/identity/token.ts';
import { eventually } from '../e2e/cluster.ts';
import { EmulatedCluster } from '../emulator/cluster.ts';
import { deploy } from '../emulator/deploy.ts';
import { account, type Emulator, region } from '../emulator/emulator.ts';
import type { Instance } from '../emulator/instance.ts';
import { assumeRole } from '../emulator/instance-metadata.ts';
import { desiredCapacity, stackResources } from '../emulator/requests.ts';

export interface Story {
  start(): Promise<Emulator>;
  /** Of the folder that it happens in. */
  name: string;
  /** Whether the emulator has Auto Scaling groups, though it starts no instance for them. */
  scales: boolean;
  /** Whether its functions are processes of this machine that may be killed. */
  ours: boolean;
}

/** Defines the tests. What lacks root has no worker, and says so. */
export function tellStory({ start, name, scales, ours }: Story): void {
  const root = process.getuid?.() === 0;
  const needsWorker = root ? {} : { skip: 'a worker needs root' };
  let emulator: Emulator;
  let cluster: EmulatedCluster;
  let instance: Instance;

  before(async () => {
    emulator = await start();
    cluster = await EmulatedCluster.deployTo(emulator, 'shop', mkdtempSync(join(tmpdir(), `slipway-${name}-`)));
  });
  after(async () => {
    await cluster?.remove().catch(() => undefined);
    await emulator?.stop();
  });

  test('after the deployment there is a cluster, with no worker', async () => {
    assert.match(await cluster.kubectlOk('get', 'namespaces'), /kube-system/);
    const { stderr } = await cluster.kubectl(['get', 'nodes']);
    assert.match(stderr, /No resources found/);
  });

  test('the same deployment again changes nothing', async () => {
    assert.equal(await deploy(cluster.deployment), 'unchanged');
  });

  test(
    'a pod that fits nowhere has a worker wanted for it',
    scales ? {} : { skip: 'it has no Auto Scaling groups' },
    async () => {
      const group = cluster.resource('WorkersGroup');
      assert.equal(await desiredCapacity(emulator.endpoint, region, group), 0);
      await cluster.kubectlOk('create', 'deployment', 'waiting', '--image=slipway/sample:1');
      await eventually(
        'the group is to have an instance',
        async () => (await desiredCapacity(emulator.endpoint, region, group)) === 1,
        90_000,
      );
      await cluster.kubectlOk('delete', 'deployment', 'waiting');
    },
  );

  test('an instance becomes a node, under its own name', needsWorker, async () => {
    instance = await cluster.startInstance();
    await cluster.untilReady(instance.id);
    await cluster.importSample(instance);
    const zone = await cluster.kubectlOk('get', 'node', instance.id, '-o', 'jsonpath={.spec.providerID}');
    assert.equal(zone, `aws:///${region}a/${instance.id}`);
  });

  test(
    'a deployment runs in containers; its log is followed; it is scaled, rolled out, and deleted',
    needsWorker,
    async () => {
      const file = join(cluster.folder, 'web.json');
      writeFileSync(file, JSON.stringify(web));
      await cluster.kubectlOk('apply', '-f', file);
      await cluster.kubectlOk('rollout', 'status', 'deployment/web', '--timeout=120s');
      assert.match(await cluster.kubectlOk('logs', 'deployment/web'), /^line 1$/m);
      await followed(cluster);
      await cluster.kubectlOk('scale', 'deployment/web', '--replicas=3');
      await cluster.kubectlOk('rollout', 'status', 'deployment/web', '--timeout=120s');
      const running = await cluster.kubectlOk(
        'get',
        'pods',
        '-l',
        'app=web',
        '--field-selector',
        'status.phase=Running',
        '-o',
        'name',
      );
      assert.equal(running.trim().split('\n').length, 3);
      await cluster.kubectlOk('set', 'env', 'deployment/web', 'EDITION=2');
      await cluster.kubectlOk('rollout', 'status', 'deployment/web', '--timeout=120s');
      await cluster.kubectlOk('delete', 'deployment', 'web');
      await cluster.kubectlOk('wait', '--for=delete', 'pod', '-l', 'app=web', '--timeout=120s');
    },
  );

  test('a pod on a worker finds services by their names', needsWorker, async () => {
    const name = 'kubernetes.default.svc.cluster.local';
    const asks = ['--image=slipway/sample:1', '--restart=Never', '--command', '--', 'nslookup', name];
    await cluster.kubectlOk('run', 'asks', ...asks);
    await cluster.kubectlOk('wait', '--for=jsonpath={.status.phase}=Succeeded', 'pod/asks', '--timeout=60s');
    const said = await cluster.kubectlOk('logs', 'asks');
    assert.match(said, /^Server:\s+10\.96\.0\.10$/m);
    assert.match(said, /^Address: 10\.96\.0\.1$/m);
    await cluster.kubectlOk('delete', 'pod', 'asks');
  });

  test('a watch that ends is gone on with, and shows each change once', () => watchWithoutGap(cluster));

  test('an instance whose cable was pulled goes on where it was', needsWorker, async () => {
    await instance.cable(false);
    const file = join(cluster.folder, 'late.json');
    writeFileSync(file, JSON.stringify({ ...web, metadata: { name: 'late' } }));
    await cluster.kubectlOk('apply', '-f', file);
    await sleep(3_000);
    await instance.cable(true);
    await cluster.kubectlOk('rollout', 'status', 'deployment/late', '--timeout=120s');
    await cluster.kubectlOk('delete', 'deployment', 'late');
  });

  const needsProcesses = ours ? {} : { skip: 'its functions are not processes of this machine' };
  test(
    'a function that is killed is started anew, and nothing that was acknowledged is lost',
    needsProcesses,
    async () => {
      await cluster.kubectlOk('create', 'configmap', 'before', '--from-literal=a=b');
      assert.ok(killFunctions(cluster, 'api') > 0);
      await eventually(
        'the API answers',
        async () => (await cluster.kubectl(['get', 'configmap', 'before'])).code === 0,
      );
      await cluster.kubectlOk('delete', 'configmap', 'before');
    },
  );

  test('identities that are too old, for another cluster, or for another action are refused', () =>
    wrongIdentities(cluster));

  test('a cluster whose keys are missing says so, and what would mend it', needsProcesses, async () => {
    const keyName = '/slipway/shop/keys/authority';
    const { Parameter } = await cluster.aws<{ Parameter: { Value: string } }>('AmazonSSM.GetParameter', {
      Name: keyName,
      WithDecryption: true,
    });
    await cluster.aws('AmazonSSM.DeleteParameter', { Name: keyName });
    killFunctions(cluster, 'api');
    const { status, body } = await eventually('it says so', async () => {
      const answer = await asAdmin(cluster, '/api/v1/namespaces');
      return answer.status === 503 && answer;
    });
    await cluster.aws('AmazonSSM.PutParameter', { Name: keyName, Value: Parameter.Value, Type: 'SecureString' });
    assert.equal(status, 503);
    assert.match(body, /keys\/authority is missing/);
    await eventually('it is mended', async () => (await asAdmin(cluster, '/api/v1/namespaces')).status === 200);
  });

  test('what is destroyed is gone: the stack was deployed with removal=destroy', async () => {
    for (const one of cluster.instances.splice(0)) await one.terminate();
    await cluster.destroy();
    const left = await stackResources(emulator.endpoint, 'shop', region).catch(() => new Map());
    assert.deepEqual(
      [...left.keys()].filter((id) => id.startsWith('Tables')),
      [],
    );
    const { TableNames } = await cluster.aws<{ TableNames: string[] }>('DynamoDB_20120810.ListTables', {});
    assert.deepEqual(
      TableNames.filter((table) => table.startsWith('shop-')),
      [],
    );
    const { Parameters } = await cluster.aws<{ Parameters: { Name: string }[] }>('AmazonSSM.GetParametersByPath', {
      Path: '/slipway/shop',
      Recursive: true,
    });
    assert.deepEqual(
      Parameters.map((parameter) => parameter.Name),
      [],
    );
  });
}

const counting = 'i=0; while true; do i=$((i+1)); echo line $i; sleep 0.3; done';

const web = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [{ name: 'web', image: 'slipway/sample:1', command: ['sh', '-c', counting] }],
      },
    },
  },
};

/** `kubectl logs -f` shows lines that were written after it began. */
async function followed(cluster: EmulatedCluster): Promise<void> {
  const child = spawn('kubectl', ['logs', '-f', 'deployment/web', '--tail=1'], {
    env: await cluster.personEnvironment(),
  });
  let seen = '';
  let complaint = '';
  child.stdout.on('data', (piece: Buffer) => {
    seen += piece.toString();
  });
  child.stderr.on('data', (piece: Buffer) => {
    complaint += piece.toString();
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  try {
    await eventually('lines are followed', () => seen.split('\n').length > 3, 20_000);
  } catch (error) {
    throw new Error(`${(error as Error).message}: ${seen} ${complaint}`);
  } finally {
    child.kill();
    await ended;
  }
}

interface Answer {
  status: number;
  body: string;
}

/** One request through the front, with a token of the administrator or with another. */
async function asAdmin(cluster: EmulatedCluster, path: string, token?: string): Promise<Answer> {
  const { endpoint } = cluster.emulator;
  const [id] = cluster.front.hostname.split('.');
  const answer = await fetch(`${endpoint}/restapis/${id}/k8s/_user_request_${path}`, {
    headers: { authorization: `Bearer ${token ?? (await tokenFor(cluster))}`, accept: 'application/json' },
  });
  return { status: answer.status, body: await answer.text() };
}

async function tokenFor(cluster: EmulatedCluster, given: { cluster?: string; nowMs?: number } = {}): Promise<string> {
  const { endpoint } = cluster.emulator;
  const session = await assumeRole(endpoint, `arn:aws:iam::${account}:role/cluster-admin`, 'ann', region);
  const credentials = {
    accessKeyId: session.AccessKeyId,
    secretAccessKey: session.SecretAccessKey,
    sessionToken: session.Token,
  };
  const made = { credentials, region, cluster: given.cluster ?? 'shop', nowMs: given.nowMs ?? Date.now(), endpoint };
  return (await identityToken(made)).token;
}

async function wrongIdentities(cluster: EmulatedCluster): Promise<void> {
  const statusOf = async (token: string): Promise<number> =>
    (await asAdmin(cluster, '/api/v1/namespaces', token)).status;
  assert.equal(await statusOf(await tokenFor(cluster)), 200);
  assert.equal(await statusOf(await tokenFor(cluster, { nowMs: Date.now() - 3_600_000 })), 401);
  assert.equal(await statusOf(await tokenFor(cluster, { cluster: 'other' })), 401);
  const prefix = 'k8s-aws-v1.';
  const url = Buffer.from((await tokenFor(cluster)).slice(prefix.length), 'base64url').toString();
  const other = url.replace('Action=GetCallerIdentity', 'Action=GetSessionToken');
  assert.notEqual(other, url);
  assert.equal(await statusOf(prefix + Buffer.from(other).toString('base64url')), 401);
  assert.equal(await statusOf('nonsense'), 401);
}

interface WatchEvent {
  type: string;
  object: { kind: string; metadata: { name?: string; resourceVersion: string } };
}

/** Lists, then watches from there again and again until the last change was seen. */
async function watchWithoutGap(cluster: EmulatedCluster): Promise<void> {
  const wanted = Array.from({ length: 12 }, (_, i) => `gap-${String(i + 1).padStart(2, '0')}`);
  const base = '/api/v1/namespaces/default/configmaps';
  const { body } = await asAdmin(cluster, base);
  let revision = (JSON.parse(body) as { metadata: { resourceVersion: string } }).metadata.resourceVersion;
  const writing = (async () => {
    for (const one of wanted) await cluster.kubectlOk('create', 'configmap', one);
  })();
  const seen: string[] = [];
  let watches = 0;
  await eventually(
    'every change was seen',
    async () => {
      watches++;
      const answer = await asAdmin(
        cluster,
        `${base}?watch=1&timeoutSeconds=2&allowWatchBookmarks=true&resourceVersion=${revision}`,
      );
      assert.equal(answer.status, 200, answer.body);
      for (const line of answer.body.split('\n').filter((text) => text !== '')) {
        const event = JSON.parse(line) as WatchEvent;
        assert.notEqual(event.type, 'ERROR', line);
        revision = event.object.metadata.resourceVersion;
        if (event.type === 'ADDED' && event.object.metadata.name?.startsWith('gap-'))
          seen.push(event.object.metadata.name);
      }
      return seen.length >= wanted.length;
    },
    90_000,
  );
  await writing;
  assert.deepEqual(seen, wanted);
  assert.ok(watches > 1, 'one watch saw everything: nothing was gone on with');
  await cluster.kubectlOk('delete', 'configmap', ...wanted);
}

/** Kills the processes of a function, by pid, as a machine of Lambda that fails would; says how many. */
function killFunctions(cluster: EmulatedCluster, name: string): number {
  const functionName = cluster.resource(`Functions${name}Function`);
  let killed = 0;
  for (const pid of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
      const ours = environment.includes(`AWS_LAMBDA_FUNCTION_NAME=${functionName}`);
      if (!ours) continue;
      process.kill(Number(pid), 'SIGKILL');
      killed++;
    } catch {
      // It ended by itself, or is somebody else's.
    }
  }
  return killed;
}
