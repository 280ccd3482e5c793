// Starts a real etcd and kube-apiserver, and with them what else of a control plane is asked for, for comparisons. They end with
// stop(), by pid.
import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { program } from './build.ts';

export const peerToken = 'peer-admin-token';

export interface Peer {
  baseUrl: string;
  folder: string;
  pids: Record<string, number>;
  stop(): Promise<void>;
}

export interface PeerOptions {
  port: number;
  /** Where kube-apiserver listens; loopback by default. */
  host?: string;
  /** Whether etcd syncs to disk before it acknowledges: needed where speed is compared. */
  durable?: boolean;
  scheduler?: boolean;
  controllerManager?: boolean;
  /** More lines of the token file: `token,user,uid,"group,group"`. */
  tokens?: string[];
  arguments?: string[];
}

const startTimeoutMs = 240_000;
const pollMs = 15;

/** One GET as administrator, without a check of the certificate, which kube-apiserver makes up by itself. Status 0 on failure. */
export const peerGet = (url: string): Promise<{ status: number; text: string }> =>
  new Promise((resolve) => {
    const failed = () => resolve({ status: 0, text: '' });
    const headers = { authorization: `Bearer ${peerToken}` };
    const call = request(url, { rejectUnauthorized: false, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
      response.on('error', failed);
    });
    call.on('error', failed);
    call.end();
  });

function writeCredentials(folder: string, tokens: readonly string[]): void {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(join(folder, 'sa.key'), privateKey.export({ type: 'pkcs1', format: 'pem' }), { mode: 0o600 });
  writeFileSync(join(folder, 'tokens.csv'), `${[admin, ...tokens].join('\n')}\n`, { mode: 0o600 });
}

const admin = `${peerToken},admin,admin,system:masters`;

/** A kubeconfig file for a user of the token file. */
export const tokenKubeconfig = (server: string, token = peerToken) => ({
  apiVersion: 'v1',
  kind: 'Config',
  clusters: [{ name: 'peer', cluster: { server, 'insecure-skip-tls-verify': true } }],
  users: [{ name: 'admin', user: { token } }],
  contexts: [{ name: 'peer', context: { cluster: 'peer', user: 'admin' } }],
  'current-context': 'peer',
});

/** etcd uses the two ports above the API server's, the scheduler the third, the controller manager the fourth. Throws with the folder of the logs if it does not come up in a minute. */
export async function startPeer(options: PeerOptions): Promise<Peer> {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-peer-'));
  const children: ChildProcess[] = [];
  const pids: Record<string, number> = {};
  const start = (name: 'etcd' | 'kube-apiserver' | 'kube-scheduler' | 'kube-controller-manager', words: string[]) => {
    const log = openSync(join(folder, `${name}.log`), 'w');
    const child = spawn(program(name), words, { stdio: ['ignore', log, log] });
    children.push(child);
    pids[name] = child.pid ?? 0;
  };
  const stop = async () => {
    for (const child of children.reverse()) {
      if (child.exitCode !== null) continue;
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
      await gone;
      clearTimeout(timer);
    }
    rmSync(folder, { recursive: true, force: true });
  };

  writeCredentials(folder, options.tokens ?? []);
  const host = options.host ?? '127.0.0.1';
  const etcdUrl = `http://127.0.0.1:${options.port + 1}`;
  const peerUrl = `http://127.0.0.1:${options.port + 2}`;
  start('etcd', [
    `--data-dir=${join(folder, 'etcd')}`,
    `--listen-client-urls=${etcdUrl}`,
    `--advertise-client-urls=${etcdUrl}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=default=${peerUrl}`,
    ...(options.durable ? [] : ['--unsafe-no-fsync']),
  ]);
  start('kube-apiserver', [
    `--etcd-servers=${etcdUrl}`,
    `--bind-address=${host}`,
    `--advertise-address=${host}`,
    `--secure-port=${options.port}`,
    `--cert-dir=${join(folder, 'certificates')}`,
    `--token-auth-file=${join(folder, 'tokens.csv')}`,
    '--authorization-mode=Node,RBAC',
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    `--service-account-key-file=${join(folder, 'sa.key')}`,
    `--service-account-signing-key-file=${join(folder, 'sa.key')}`,
    '--service-cluster-ip-range=10.0.0.0/16',
    '--allow-privileged=true',
    '--endpoint-reconciler-type=none',
    ...(options.arguments ?? []),
  ]);
  const baseUrl = `https://${host}:${options.port}`;
  const giveUp = Date.now() + startTimeoutMs;
  while ((await peerGet(`${baseUrl}/readyz`)).status !== 200) {
    const dead = children.find((child) => child.exitCode !== null);
    if (dead || Date.now() > giveUp) {
      for (const child of children) child.kill('SIGKILL');
      throw new Error(`the real control plane did not start; its logs are in ${folder}`);
    }
    await sleep(pollMs);
  }
  const kubeconfig = join(folder, 'admin.kubeconfig');
  writeFileSync(kubeconfig, JSON.stringify(tokenKubeconfig(baseUrl)), { mode: 0o600 });
  const client = [`--kubeconfig=${kubeconfig}`, '--bind-address=127.0.0.1', '--leader-elect=false'];
  if (options.scheduler) {
    start('kube-scheduler', [
      ...client,
      `--secure-port=${options.port + 3}`,
      '--kube-api-qps=5000',
      '--kube-api-burst=5000',
    ]);
  }
  if (options.controllerManager) {
    start('kube-controller-manager', [
      ...client,
      `--secure-port=${options.port + 4}`,
      '--use-service-account-credentials=true',
      `--service-account-private-key-file=${join(folder, 'sa.key')}`,
      `--root-ca-file=${join(folder, 'certificates', 'apiserver.crt')}`,
    ]);
  }
  return { baseUrl, folder, pids, stop };
}
