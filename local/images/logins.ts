// Logins to registries that `buildah login`, `podman login` or `docker login` left for this user (containers-auth.json(5)).
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { AuthConfig } from '../../agent/cri/messages.ts';
import { credentialsIn } from '../../agent/images/credentials.ts';
import { readIfThere } from '../state/spec.ts';

const authFiles = (env: NodeJS.ProcessEnv): string[] => {
  if (env['REGISTRY_AUTH_FILE']) return [env['REGISTRY_AUTH_FILE']];
  const run = env['XDG_RUNTIME_DIR'] ? env['XDG_RUNTIME_DIR'] : `/run/containers/${process.getuid?.() ?? 0}`;
  const inRun = env['XDG_RUNTIME_DIR'] ? 'containers/auth.json' : 'auth.json';
  return [
    join(run, inRun),
    join(homedir(), '.config/containers/auth.json'),
    join(env['DOCKER_CONFIG'] ?? join(homedir(), '.docker'), 'config.json'),
  ];
};

/** Those that fit the image, of the first file that has any. */
export function leftLogins(image: string, env: NodeJS.ProcessEnv = process.env): AuthConfig[] {
  for (const file of authFiles(env)) {
    const found = credentialsIn(readIfThere(file) ?? '{}', image);
    if (found.length > 0) return found;
  }
  return [];
}
