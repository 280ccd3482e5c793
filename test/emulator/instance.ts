// An instance of the cluster's Auto Scaling group, where the emulator has none: this machine's own programs in namespaces.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, openSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../../local/run.ts';
import { emulatorEnvironment, region } from './emulator.ts';
import { type Front, registryHost } from './front.ts';
import type { InstanceSettings } from './instance-main.ts';
import { startMetadata } from './instance-metadata.ts';
import { makeInstanceNetwork } from './instance-network.ts';
import { guardInstance } from './instance-remains.ts';
import { joinSockets } from './join-sockets.ts';

/** On the cable's end at this machine, as the API itself. */
const metadataPort = 1338;
const emulatorPort = 1339;

export interface InstanceOptions {
  /** Of the stack. */
  cluster: string;
  endpoint: string;
  front: Front;
  /** ARN of the workers' role. */
  role: string;
  /** Made and removed by the instance. */
  folder: string;
  /** Instances that it can reach. */
  others: readonly Pick<Instance, 'network' | 'address'>[];
}

export interface Instance {
  /** And the name of its node: `i-0123456789abcdef0`. */
  id: string;
  address: string;
  folder: string;
  /** Name of its network namespace. */
  network: string;
  /** The socket of its containerd, as seen from outside. */
  containerdSocket: string;
  process: ChildProcess;
  /** Its cable is pulled, or put in again. */
  cable(on: boolean): Promise<void>;
  /** Ends everything in it. */
  terminate(): Promise<void>;
}

/** Needs root, containerd, runc, the CNI plugins and nftables. */
export async function startInstance({
  cluster,
  endpoint,
  front,
  role,
  folder,
  others,
}: InstanceOptions): Promise<Instance> {
  const network = await makeInstanceNetwork(others);
  const id = `i-${randomBytes(9).toString('hex').slice(0, 17)}`;
  mkdirSync(folder, { recursive: true });
  const port = Number(new URL(endpoint).port);
  const servers: Server[] = [];
  try {
    servers.push(await forward({ address: network.gateway, port: emulatorPort }, port));
    servers.push(
      await startMetadata(
        endpoint,
        { id, address: network.address, block: network.block, region, role },
        { address: network.gateway, port: metadataPort },
      ),
    );
    servers.push(await front.listen(network.gateway, front.urlPort));
  } catch (error) {
    closeAll(servers);
    await network.remove();
    throw error;
  }
  const authorities = join(folder, 'front-ca.pem');
  writeFileSync(authorities, front.ca);
  const cgroupRoot = `/slipway/${network.name}`;
  const settings: InstanceSettings = {
    folder,
    worker: { cluster, region, parameters: `/slipway/${cluster}`, serviceCidr: '10.96.0.0/12' }, // the stack's default
    hosts: `${network.gateway} ${front.hostname} ${registryHost}`,
    emulator: { port, at: { host: network.gateway, port: emulatorPort } },
    cgroupRoot: `${cgroupRoot}/kubepods`,
  };
  // What a person has set for AWS is not the instance's.
  const env = Object.fromEntries(Object.entries(process.env).filter(([variable]) => !variable.startsWith('AWS_')));
  const { AWS_REGION, AWS_DEFAULT_REGION } = emulatorEnvironment(endpoint);
  const log = openSync(join(folder, 'instance.log'), 'a');
  const main = fileURLToPath(new URL('instance-main.ts', import.meta.url));
  const inside = ['--mount', '--propagation', 'slave', process.execPath, main, JSON.stringify(settings)];
  // The mounts of cgroups are hidden by `ip netns exec`; nsenter leaves them.
  const child = spawn('nsenter', [`--net=/run/netns/${network.name}`, 'unshare', ...inside], {
    env: {
      ...env,
      AWS_REGION,
      AWS_DEFAULT_REGION,
      AWS_ENDPOINT_URL: endpoint,
      AWS_EC2_METADATA_SERVICE_ENDPOINT: `http://${network.gateway}:${metadataPort}`,
      // The certificates of API Gateway and of ECR's registry are ones that everybody trusts.
      NODE_EXTRA_CA_CERTS: authorities,
      SSL_CERT_FILE: authorities,
    },
    detached: true,
    stdio: ['pipe', log, log],
  });
  const remains = guardInstance({ instance: child.pid!, network: network.name, folder });
  const gone = new Promise((resolve) => child.once('exit', resolve));
  return {
    id,
    address: network.address,
    folder,
    network: network.name,
    containerdSocket: join(folder, 'run/containerd/containerd.sock'),
    process: child,
    async cable(on) {
      await run('ip', ['link', 'set', network.name, on ? 'up' : 'down']);
    },
    async terminate() {
      child.kill('SIGTERM');
      await gone;
      closeAll(servers);
      await remains.clear();
    },
  };
}

function closeAll(servers: readonly Server[]): void {
  for (const server of servers) {
    if ('closeAllConnections' in server) (server as unknown as { closeAllConnections(): void }).closeAllConnections();
    server.close();
  }
}

function forward(from: { address: string; port: number }, toPort: number): Promise<Server> {
  const server = createServer((outer) => joinSockets(outer, connect({ port: toPort, host: '127.0.0.1' })));
  return new Promise((resolve, reject) =>
    server.once('error', reject).listen(from.port, from.address, () => resolve(server)),
  );
}
