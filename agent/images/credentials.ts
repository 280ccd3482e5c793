// Registry credentials from image pull secrets: https://kubernetes.io/docs/tasks/configure-pod-container/pull-image-private-registry/
import type { Pod } from '../../core/api/types.gen.ts';
import type { AuthConfig } from '../cri/messages.ts';
import type { PodSources } from '../objects.ts';

interface DockerAuth {
  username?: string;
  password?: string;
  auth?: string;
  identitytoken?: string;
  registrytoken?: string;
}

/** Host and path prefix of an image's registry, with Docker Hub's unwritten name. */
function repositoryOf(image: string): string {
  const bare = image.replace(/@.*$/, '').replace(/:[^/:]*$/, '');
  const first = bare.split('/')[0]!;
  const hasHost = bare.includes('/') && (first.includes('.') || first.includes(':') || first === 'localhost');
  return hasHost ? bare : `docker.io/${bare}`;
}

/** `*.example.com/team` matches by label and by path prefix. */
function covers(entry: string, repository: string): boolean {
  const target = entry
    .replace(/^https?:\/\//, '')
    .replace(/\/v[12]\/?$/, '')
    .replace(/\/$/, '');
  const aliased = target === 'index.docker.io' ? 'docker.io' : target;
  const [host, ...path] = aliased.split('/');
  const [imageHost, ...imagePath] = repository.split('/');
  const labels = host!.split('.');
  const imageLabels = imageHost!.split('.');
  if (labels.length !== imageLabels.length) return false;
  const sameHost = labels.every((label, i) => {
    const pattern = label
      .split('*')
      .map((part) => part.replace(/[^\w-]/g, '\\$&'))
      .join('[^.]*');
    return new RegExp(`^${pattern}$`).test(imageLabels[i]!);
  });
  return sameHost && imagePath.join('/').startsWith(path.join('/'));
}

const decoded = (entry: DockerAuth): AuthConfig => {
  const [user, ...rest] = Buffer.from(entry.auth ?? '', 'base64')
    .toString('utf8')
    .split(':');
  return {
    username: entry.username ?? user ?? '',
    password: entry.password ?? rest.join(':'),
    ...(entry.identitytoken ? { identity_token: entry.identitytoken } : {}),
    ...(entry.registrytoken ? { registry_token: entry.registrytoken } : {}),
  };
};

interface Found {
  entry: string;
  auth: AuthConfig;
}

/** Of the text of a .dockerconfigjson, .dockercfg or auth.json; none of one that is no JSON. */
function found(text: string, image: string): Found[] {
  const repository = repositoryOf(image);
  try {
    const parsed = JSON.parse(text) as Record<string, unknown>;
    return Object.entries((parsed['auths'] ?? parsed) as Record<string, DockerAuth>)
      .filter(([entry]) => covers(entry, repository))
      .map(([entry, auth]) => ({ entry, auth: decoded(auth) }));
  } catch {
    return []; // the pull then fails with the registry's own words
  }
}

const bySpecificity = (list: Found[]): AuthConfig[] =>
  list.sort((a, b) => b.entry.length - a.entry.length).map(({ auth }) => auth);

/** Those of one file that fit the image, the most specific first. */
export const credentialsIn = (text: string, image: string): AuthConfig[] => bySpecificity(found(text, image));

/** All credentials that fit the image, the most specific first; secrets that are missing or broken are left out. */
export function credentialsFor(pod: Pod, image: string, sources: PodSources): AuthConfig[] {
  const all: Found[] = [];
  for (const reference of pod.spec?.imagePullSecrets ?? []) {
    const secret = sources.secret(pod.metadata?.namespace ?? '', reference.name ?? '');
    const text = secret?.data?.['.dockerconfigjson'] ?? secret?.data?.['.dockercfg'];
    if (text) all.push(...found(Buffer.from(text, 'base64').toString('utf8'), image));
  }
  return bySpecificity(all);
}
