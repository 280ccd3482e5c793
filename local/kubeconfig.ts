// Puts a cluster's context into a kubeconfig file beside what is there, and takes it out again.
// https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
import {
  chownSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { dump, load } from 'js-yaml';
import type { ControlPlaneReady } from './config.ts';
import { Failure } from './failure.ts';
import { readIfThere, writeFileAtomic } from './state/spec.ts';

interface Named {
  name: string;
}

export interface Kubeconfig {
  apiVersion?: string;
  kind?: string;
  clusters?: (Named & { cluster: object })[] | null;
  users?: (Named & { user: object })[] | null;
  contexts?: (Named & { context: object })[] | null;
  'current-context'?: string;
  preferences?: object;
  [other: string]: unknown;
}

/** The file that kubectl would write to: the first that $KUBECONFIG names, or ~/.kube/config. */
export const defaultKubeconfig = (env: NodeJS.ProcessEnv = process.env): string =>
  env['KUBECONFIG']?.split(':').find((file) => file !== '') ?? join(homedir(), '.kube/config');

const base64 = (file: string): string => readFileSync(file).toString('base64');

/** One context with cluster and user of the same name, certificates inside. */
export function adminKubeconfig(context: string, ready: ControlPlaneReady): Kubeconfig {
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: context, cluster: { server: ready.server, 'certificate-authority-data': base64(ready.files.ca) } },
    ],
    users: [
      {
        name: context,
        user: {
          'client-certificate-data': base64(ready.files.adminCertificate),
          'client-key-data': base64(ready.files.adminKey),
        },
      },
    ],
    contexts: [{ name: context, context: { cluster: context, user: context } }],
    'current-context': context,
  };
}

export const kubeconfigText = (config: Kubeconfig): string => dump(config, { lineWidth: -1 });

const lists = ['clusters', 'users', 'contexts'] as const;

const without = (config: Kubeconfig, context: string): Kubeconfig => {
  const rest: Kubeconfig = { ...config };
  const drop = <T extends Named>(list: T[] | null | undefined): T[] =>
    (list ?? []).filter((entry) => entry.name !== context);
  rest.clusters = drop(config.clusters);
  rest.users = drop(config.users);
  rest.contexts = drop(config.contexts);
  return rest;
};

/** Adds or replaces the entries of that name and makes the context the current one. Others stay as they are. */
export function merged(config: Kubeconfig, context: string, own: Kubeconfig): Kubeconfig {
  const rest = without(config, context);
  return {
    ...rest,
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [...(rest.clusters ?? []), ...(own.clusters ?? [])],
    users: [...(rest.users ?? []), ...(own.users ?? [])],
    contexts: [...(rest.contexts ?? []), ...(own.contexts ?? [])],
    'current-context': context,
  };
}

/** undefined: nothing worth keeping is left, the file may go. */
export function removed(config: Kubeconfig, context: string): Kubeconfig | undefined {
  const rest = without(config, context);
  if (lists.every((list) => rest[list]?.length === 0)) return undefined;
  if (rest['current-context'] === context) rest['current-context'] = rest.contexts?.[0]?.name ?? '';
  return rest;
}

export const setContext = (file: string, context: string, ready: ControlPlaneReady): Promise<void> =>
  addContext(file, context, adminKubeconfig(context, ready));

/** `own` holds the context, its cluster and its user, all by this name. */
export async function addContext(file: string, context: string, own: Kubeconfig): Promise<void> {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  await change(file, (config) => merged(config, context, own));
}

export async function removeContext(file: string, context: string): Promise<void> {
  if (existsSync(file)) await change(file, (config) => removed(config, context));
}

/** Throws Failure for a file that cannot take a context. */
export function checkKubeconfig(file: string): void {
  let text: string | undefined;
  try {
    text = readIfThere(file);
  } catch (error) {
    throw new Failure(`${file} cannot be read: ${(error as Error).message}`, 'name another: --kubeconfig FILE');
  }
  parse(file, text);
}

/** Holds the lock that kubectl takes too (`FILE.lock`), and keeps a symbolic link a link and the owner the owner. */
async function change(file: string, edit: (config: Kubeconfig) => Kubeconfig | undefined): Promise<void> {
  const target = existsSync(file) && lstatSync(file).isSymbolicLink() ? realpathSync(file) : file;
  const lock = `${target}.lock`;
  await takeLock(lock);
  try {
    const text = readIfThere(target);
    const edited = edit(parse(target, text));
    if (edited === undefined) rmSync(target, { force: true });
    else {
      writeFileAtomic(target, kubeconfigText(edited));
      giveToUser(target);
    }
  } finally {
    rmSync(lock, { force: true });
  }
}

function parse(file: string, text: string | undefined): Kubeconfig {
  if (text === undefined || text.trim() === '') return {};
  let config: unknown;
  try {
    config = load(text);
  } catch (error) {
    throw new Failure(
      `${file} is no valid YAML: ${(error as Error).message.split('\n')[0]}`,
      'mend it, or name another file: --kubeconfig FILE',
    );
  }
  if (typeof config !== 'object' || config === null || Array.isArray(config)) {
    throw new Failure(`${file} is no kubeconfig file`, 'name another: --kubeconfig FILE');
  }
  return config as Kubeconfig;
}

async function takeLock(lock: string): Promise<void> {
  for (let waitedMs = 0; waitedMs < 3000; waitedMs += 50) {
    try {
      closeSync(openSync(lock, 'wx'));
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      await sleep(50);
    }
  }
  throw new Failure(`${lock} is held by another program`, 'remove it if no kubectl is at work');
}

/** Run through sudo, the file belongs to who asked, not to root. */
function giveToUser(file: string): void {
  const uid = Number(process.env['SUDO_UID']);
  const gid = Number(process.env['SUDO_GID']);
  if (process.getuid?.() !== 0 || !uid || !gid) return;
  for (const path of [dirname(file), file]) {
    if (path === file || path.endsWith('/.kube')) chownSync(path, uid, gid);
  }
}
