// LocalStack's own image, run by `docker compose` (compose.yaml). Functions and DynamoDB Local are processes in the container, by the
// same plugin, the same Node and the same jars as where LocalStack is a process of this machine.
import { join } from 'node:path';
import { type RunResult, run } from '../../local/run.ts';
import { type Program, root } from './emulator.ts';
import { type Place, settings } from './localstack-settings.ts';

const composeFile = join(root, 'test/emulator/compose.yaml');
const token = process.env['LOCALSTACK_AUTH_TOKEN'];

/** Java is LocalStack's own there, made for DynamoDB Local. */
const containerPath = '/usr/lib/localstack/java/21/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The last version that starts without a token, or with a token in the environment the newest. */
export const imageFor = (version: string): string => `localstack/localstack:${token ? 'latest' : version}`;

const docker = (...args: string[]): Promise<RunResult> =>
  run('docker', args).catch((error: Error) => ({ code: 127, stdout: '', stderr: error.message }));

export const dockerAnswers = async (): Promise<boolean> => (await docker('info')).code === 0;

/** Why LocalStack cannot run in a container here; undefined when it can. An image that is missing is fetched. */
export async function containerLacks(image: string, say: (what: string) => void): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'functions in a container need the Node of a Linux machine';
  if (!(await dockerAnswers())) return 'no Docker engine answers';
  if ((await docker('compose', 'version')).code !== 0) return 'docker has no compose plugin';
  if ((await docker('image', 'inspect', image)).code === 0) return undefined;
  say(`${image} is fetched, once`);
  const pulled = await docker('pull', '--quiet', image);
  return pulled.code === 0 ? undefined : `${image} cannot be fetched (${pulled.stderr.trim().split('\n').at(-1)})`;
}

/** What is in ${} in compose.yaml. The container writes as whoever starts it: its files can be removed. */
export function composeValues(image: string, folder: string): Record<string, string> {
  return {
    SLIPWAY_IMAGE: image,
    SLIPWAY_USER: `${process.getuid!()}:${process.getgid!()}`,
    SLIPWAY_ROOT: root,
    SLIPWAY_NODE: process.execPath,
    SLIPWAY_FOLDER: folder,
  };
}

/** Of the process within: the settings, and where Python may write, which is `folder` only. */
export function containerEnvironment(place: Omit<Place, 'path'>): Record<string, string> {
  const caches = { PYTHONPYCACHEPREFIX: join(place.folder, 'pycache'), XDG_CACHE_HOME: join(place.folder, 'cache') };
  const auth: Record<string, string> = token ? { LOCALSTACK_AUTH_TOKEN: token } : {};
  return { ...settings({ ...place, path: containerPath }), ...caches, ...auth };
}

/** @param place its folder is on this machine, and the container has it under the same path */
export function containerProgram(image: string, place: Omit<Place, 'path'>): Program {
  const name = `slipway-localstack-${place.port}`;
  const environment = containerEnvironment(place);
  const handedOver = Object.entries(environment).flatMap(([key, value]) => ['--env', `${key}=${value}`]);
  return {
    command: 'docker',
    args: [
      ...['compose', '--file', composeFile, '--project-name', name],
      ...['run', '--rm', '--no-TTY', '--pull', 'never', '--name', name, ...handedOver, 'localstack'],
    ],
    env: { ...process.env, ...composeValues(image, place.folder) },
    folder: place.folder,
    holdInput: true,
    remove: async () => void (await docker('rm', '--force', '--volumes', name)),
  };
}
