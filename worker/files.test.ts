import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { readConfig } from '../agent/config.ts';
import { cniPlugins, which } from '../agent/containerd/programs.ts';
import { instanceFacts } from '../aws/instance-metadata.ts';
import { assertGolden } from '../test/golden-file.ts';
import { configure, install } from './configure.ts';
import { instanceFiles, networkRules } from './instance-files.ts';
import { paths } from './settings.ts';
import { staticFiles } from './units.ts';
import { agentUpdate } from './update/files.ts';

const settings = { cluster: 'shop', region: 'eu-central-1', parameters: '/slipway/shop', serviceCidr: '10.96.0.0/12' };
const instance = {
  id: 'i-0123456789abcdef0',
  address: '10.0.1.23',
  region: 'eu-central-1',
  zone: 'eu-central-1a',
  zoneId: 'euc1-az2',
  type: 't4g.small',
  vpcBlocks: ['10.0.0.0/16'],
};
const cluster = {
  apiUrl: 'https://abc.execute-api.eu-central-1.amazonaws.com/prod',
  ca: '-----BEGIN CERTIFICATE-----\n',
};
const linux = process.platform === 'linux';

function inFolder<T>(look: (root: string) => T): T {
  const root = mkdtempSync(join(tmpdir(), 'slipway-worker-'));
  const done = (): void => rmSync(root, { recursive: true });
  try {
    const result = look(root);
    if (result instanceof Promise) return result.finally(done) as T;
    done();
    return result;
  } catch (error) {
    done();
    throw error;
  }
}

test('what a worker is given is what was read and found right', () => {
  const files = [
    ...staticFiles(),
    ...instanceFiles({
      settings,
      instance,
      mtu: 9001,
      cluster,
      cniPlugins: '/usr/libexec/cni',
      runc: '/usr/sbin/runc',
    }),
  ];
  const texts = files.filter(({ text }) => typeof text === 'string');
  assertGolden(
    'worker/files',
    Object.fromEntries(texts.map(({ path, text, mode }) => [path, [mode.toString(8), ...String(text).split('\n')]])),
  );
});

test('pods of another block of the VPC with the same last bits are refused before anything is written', () => {
  const parts = { settings, cluster, mtu: 9001, cniPlugins: '/cni', runc: '/runc' };
  assert.throws(
    () => instanceFiles({ ...parts, instance: { ...instance, vpcBlocks: ['10.0.0.0/16', '10.1.0.0/16'] } }),
    /same last 16 bits/,
  );
});

/** Instance metadata that insists on version 2. */
async function metadata(): Promise<{ url: string; close(): void }> {
  const values: Record<string, string> = {
    'instance-id': instance.id,
    'local-ipv4': instance.address,
    'placement/region': instance.region,
    'placement/availability-zone': instance.zone,
    'placement/availability-zone-id': instance.zoneId,
    'instance-type': instance.type,
    mac: '02:00:00:00:00:01',
    'network/interfaces/macs/02:00:00:00:00:01/vpc-ipv4-cidr-blocks': '10.0.0.0/16',
  };
  const server = createServer((request, response) => {
    const { method, url = '', headers } = request;
    if (method === 'PUT' && url === '/latest/api/token' && headers['x-aws-ec2-metadata-token-ttl-seconds']) {
      response.end('token');
      return;
    }
    const value = values[url.replace('/latest/meta-data/', '')];
    response.statusCode = headers['x-aws-ec2-metadata-token'] === 'token' ? (value ? 200 : 404) : 401;
    response.end(response.statusCode === 200 ? value : '');
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => server.close() };
}

test(
  'the agent understands what configure writes; while SSM is silent the last parameters are used',
  {
    skip: !cniPlugins() || !which('runc'),
  },
  () =>
    inFolder(async (root) => {
      const imds = await metadata();
      const warnings: string[] = [];
      const log = (level: string, event: string): void => void (level === 'warn' && warnings.push(event));
      const mtu = async () => 9001;
      const facts = () => instanceFacts({ AWS_EC2_METADATA_SERVICE_ENDPOINT: imds.url });
      try {
        mkdirSync(`${root}/etc/slipway`, { recursive: true });
        writeFileSync(`${root}${paths.settings}`, JSON.stringify(settings));
        const silent = () => Promise.reject(new Error('SSM is silent'));
        await assert.rejects(configure(root, { instance: facts, parameters: silent, mtu, log }), /SSM is silent/);
        await configure(root, { instance: facts, parameters: async () => cluster, mtu, log });
        const before = readFileSync(`${root}${paths.agentConfig}`, 'utf8');
        await configure(root, { instance: facts, parameters: silent, mtu, log });
        assert.equal(readFileSync(`${root}${paths.agentConfig}`, 'utf8'), before);
        assert.deepEqual(warnings, ['parameters not read, the last ones are used']);
        const config = readConfig(`${root}${paths.agentConfig}`);
        assert.equal(config.nodeName, instance.id);
        assert.equal(config.podCidr, '100.64.69.192/26');
        assert.deepEqual(config.overlay, { network: '100.64.0.0/10', nodeBlocks: ['10.0.0.0/16'], mtu: 8951 });
        assert.deepEqual(config.clusterDns, ['10.96.0.10']);
        assert.deepEqual(config.podApi, { address: '10.96.0.1', port: 6443 });
        assert.deepEqual(config.nodeDns, { clusterRanges: ['100.64.0.0/10', '10.96.0.0/12'] });
        assert.equal(config.labels['topology.kubernetes.io/zone'], 'eu-central-1a');
        assert.equal(config.leaseDurationSeconds, 300);
        assert.equal(statSync(`${root}${paths.agentConfig}`).mode & 0o777, 0o600);
      } finally {
        imds.close();
      }
    }),
);

test('nft takes the rules, twice', { skip: !linux || !which('nft') || process.getuid?.() !== 0 }, () =>
  inFolder((root) => {
    const file = join(root, 'rules');
    writeFileSync(file, networkRules('100.64.69.192/26', '100.64.0.0/10', ['10.0.0.0/16', '10.1.32.0/20']));
    // --check asks the kernel and changes nothing
    const { status, stderr } = spawnSync(
      'unshare',
      ['--net', 'sh', '-c', `nft -f ${file} && nft -f ${file} && nft list table ip slipway_worker`],
      { encoding: 'utf8' },
    );
    assert.equal(status, 0, stderr);
  }),
);

test('the guard counts starts of a version on trial, and takes the third failure back', { skip: !linux }, () =>
  inFolder((root) => {
    install(root);
    const [trying, current] = [`${root}${agentUpdate.trying}`, `${root}${paths.current}`];
    for (const version of ['1', '2']) mkdirSync(`${root}${paths.versions}/${version}`, { recursive: true });
    mkdirSync(dirname(trying), { recursive: true });
    symlinkSync('versions/1', current);
    const start = (): string => {
      const { status, stderr, stdout } = spawnSync(`${root}${paths.guard}`, [root], { encoding: 'utf8' });
      assert.equal(status, 0, stderr);
      return stdout;
    };
    start();
    assert.equal(readlinkSync(current), 'versions/1');
    // a machine that stopped between the note and the switch: the old version goes on with it
    writeFileSync(trying, '1 2 0\n');
    start();
    assert.equal(readFileSync(trying, 'utf8'), '1 2 0\n');
    rmSync(current);
    symlinkSync('versions/2', current);
    for (const count of [1, 2, 3]) {
      start();
      assert.equal(readFileSync(trying, 'utf8'), `1 2 ${count}\n`);
    }
    assert.match(start(), /version 2 did not come up in 3 starts: back to 1/);
    assert.equal(readlinkSync(current), 'versions/1');
    assert.equal(existsSync(trying), false);
    assert.equal(readFileSync(`${root}${agentUpdate.failed}`, 'utf8'), '1 2 3\n');
    start();
    for (const broken of ['', '\n', '1 2\n', '1 2 x\n', 'nonsense']) {
      writeFileSync(trying, broken);
      start();
      assert.equal(existsSync(trying), false, JSON.stringify(broken));
    }
  }),
);
