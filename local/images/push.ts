// Pushes images that were built or loaded on this machine to a registry, by buildah; and gives them further names.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportImage, tagImage } from '../containerd/containerd.ts';
import { Failure } from '../failure.ts';
import { besideProxy } from '../registry/beside-proxy.ts';
import { runOrFail } from '../run.ts';
import type { ClusterPaths, NodePaths } from '../state/paths.ts';
import { buildahStore, isBuilt, shown } from './build.ts';
import { fullReference } from './images.ts';

export interface Login {
  username: string;
  password: string;
}

export interface PushTarget {
  /** Full reference at the registry. */
  reference: string;
  /** `IP:PORT` of the cluster's own registry, whose name no DNS server knows; plain HTTP. */
  at?: string;
  /** undefined: what `docker login`, `podman login` or `buildah login` left for this user. */
  login?: Login;
}

export const registryOf = (reference: string): string => reference.split('/', 1)[0]!;

/** The image's own path and tag, as it is put below another registry: without registry, and without Docker Hub's `library`. */
export const pathOf = (reference: string): string =>
  fullReference(reference)
    .replace(/^[^/]+\//, '')
    .replace(/^library\//, '');

/** As container tools treat registries on this machine. */
const onLoopback = (registry: string): boolean => /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/.test(registry);

/** Into buildah's store, from a node if it is not there. Throws Failure when nobody holds it. */
async function gather(paths: ClusterPaths, nodes: readonly NodePaths[], reference: string): Promise<void> {
  if (await isBuilt(paths, reference)) return;
  const storage = buildahStore(paths);
  const folder = mkdtempSync(join(tmpdir(), 'slipway-push-'));
  try {
    const archive = join(folder, 'image.tar');
    for (const node of nodes) {
      if (!(await exportImage(node, reference, archive))) continue;
      const id = (await runOrFail('buildah', [...storage, 'pull', '-q', `oci-archive:${archive}`])).trim();
      await runOrFail('buildah', [...storage, 'tag', id, reference]);
      return;
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  throw new Failure(
    `there is no image ${reference} on this machine`,
    'slipway image build DIR -t NAME makes one; slipway image list shows what the nodes hold',
  );
}

/** A file that only this user reads: a password among the arguments would be seen by everybody. */
async function withLogin<T>(target: PushTarget, act: (options: string[]) => Promise<T>): Promise<T> {
  if (!target.login) return act([]);
  const folder = mkdtempSync(join(tmpdir(), 'slipway-login-'));
  try {
    const { username, password } = target.login;
    const auth = Buffer.from(`${username}:${password}`).toString('base64');
    const file = join(folder, 'auth.json');
    writeFileSync(file, JSON.stringify({ auths: { [registryOf(target.reference)]: { auth } } }), { mode: 0o600 });
    return await act(['--authfile', file]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Throws Failure. `nodes`: of a local cluster, if there is one. */
export async function pushImage(
  paths: ClusterPaths,
  nodes: readonly NodePaths[],
  source: string,
  target: PushTarget,
): Promise<void> {
  const storage = buildahStore(paths);
  const reference = fullReference(source);
  await gather(paths, nodes, reference);
  const registry = registryOf(target.reference);
  const plain = target.at || onLoopback(registry) ? ['--tls-verify=false'] : [];
  const place = `docker://${target.at ?? registry}${target.reference.slice(registry.length)}`;
  const env = target.at ? besideProxy(target.at.split(':')[0]!) : process.env;
  await withLogin(target, (login) => shown('buildah', [...storage, 'push', ...login, ...plain, reference, place], env));
  // so that FROM may name it, and a second push by that name
  if (target.at && target.reference !== reference)
    await runOrFail('buildah', [...storage, 'tag', reference, target.reference]);
}

/** A further name for an image, wherever it is on this machine. Throws Failure when nobody holds it. */
export async function tagEverywhere(
  paths: ClusterPaths,
  nodes: readonly NodePaths[],
  source: string,
  target: string,
): Promise<void> {
  const [from, to] = [fullReference(source), fullReference(target)];
  const tagged = await Promise.all(nodes.map((node) => tagImage(node, from, to)));
  const built = await isBuilt(paths, from);
  if (built) await runOrFail('buildah', [...buildahStore(paths), 'tag', from, to]);
  if (!built && !tagged.includes(true)) throw new Failure(`no node holds an image "${source}"`, 'slipway image list');
}
