// A registry that wants a password, beside a cluster: Debian's docker-registry on the machine's address in the nodes' network, which
// the nodes know by a name of its own.
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { buildahStore } from '../../local/images/build.ts';
import { addressPlan } from '../../local/network/addresses.ts';
import { hostsToml } from '../../local/registry/settings.ts';
import { runOrFail } from '../../local/run.ts';
import { startDetached, terminate } from '../../local/state/processes.ts';
import { readSpec } from '../../local/state/spec.ts';
import { eventually, type TestPlace } from './cluster.ts';

/** bcrypt of the password, as `htpasswd -B` writes it: the registry takes no other form. */
const password = 'secret-word';
const hash = '$2b$05$abcdefghijklmnopqrstuuUOabO4v2PoT/v47Y.znQK.9MsMDnesq';
const user = 'ann';
const host = 'private.example.com';

export interface PrivateRegistry {
  /** Its name in references. */
  host: string;
  user: string;
  password: string;
  /** From what was built in the cluster's store. */
  push(source: string, path: string): Promise<void>;
  close(): Promise<void>;
}

const freePortOf = (address: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, address, () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });

export async function startPrivateRegistry(cluster: TestPlace): Promise<PrivateRegistry> {
  const { gateway } = addressPlan(readSpec(cluster.paths)!.index);
  const address = `${gateway}:${await freePortOf(gateway)}`;
  const folder = join(cluster.home, 'private');
  mkdirSync(folder, { recursive: true });
  const passwords = join(folder, 'htpasswd');
  writeFileSync(passwords, `${user}:${hash}\n`);
  const config = {
    version: 0.1,
    storage: { filesystem: { rootdirectory: join(folder, 'data') } },
    http: { addr: address, secret: 'of the test' },
    auth: { htpasswd: { realm: 'private', path: passwords } },
  };
  const file = join(folder, 'config.yml');
  writeFileSync(file, JSON.stringify(config));
  const ref = startDetached(['docker-registry', 'serve', file], join(folder, 'log'));
  const known = join(cluster.paths.dir, 'registries', host);
  mkdirSync(known, { recursive: true });
  writeFileSync(join(known, 'hosts.toml'), hostsToml(address));
  const answers = async (): Promise<boolean> =>
    fetch(`http://${address}/v2/`).then(
      (response) => response.status === 401,
      () => false,
    );
  await eventually('the private registry answers', answers);
  return {
    host,
    user,
    password,
    async push(source, path) {
      const login = ['--creds', `${user}:${password}`, '--tls-verify=false'];
      await runOrFail('buildah', [
        ...buildahStore(cluster.paths),
        'push',
        '-q',
        ...login,
        source,
        `docker://${address}/${path}`,
      ]);
    },
    close: () => terminate([ref], 5000),
  };
}
