// Builds programs of the real Kubernetes from the published Go modules that go.mod names, once, into .cache/peer/bin.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const cacheFolder = fileURLToPath(new URL('../../.cache/peer', import.meta.url));
const release = 'v1.36.3';
const versions = [
  `-X k8s.io/component-base/version.gitVersion=${release}`,
  `-X k8s.io/client-go/pkg/version.gitVersion=${release}`,
  '-X k8s.io/component-base/version.gitMajor=1',
  '-X k8s.io/component-base/version.gitMinor=36',
].join(' ');

const linked = ['-trimpath', '-ldflags', `-s -w ${versions}`];
const recipes = {
  'e2e.test': ['test', '-c', '-vet=off', ...linked, '-o', '@', 'k8s.io/kubernetes/test/e2e'],
  ginkgo: ['build', '-o', '@', 'github.com/onsi/ginkgo/v2/ginkgo'],
  kubectl: ['build', ...linked, '-o', '@', 'k8s.io/kubernetes/cmd/kubectl'],
  'kube-apiserver': ['build', ...linked, '-o', '@', 'k8s.io/kubernetes/cmd/kube-apiserver'],
  'kube-controller-manager': ['build', ...linked, '-o', '@', 'k8s.io/kubernetes/cmd/kube-controller-manager'],
  'kube-scheduler': ['build', ...linked, '-o', '@', 'k8s.io/kubernetes/cmd/kube-scheduler'],
  kubelet: ['build', ...linked, '-o', '@', 'k8s.io/kubernetes/cmd/kubelet'],
  etcd: ['build', '-trimpath', '-ldflags', '-s -w', '-o', '@', 'go.etcd.io/etcd/server/v3'],
} as const;
/** etcd's modules pin other versions than Kubernetes does, so it has a go.mod of its own. */
const folders: Partial<Record<keyof typeof recipes, string>> = { etcd: 'etcd' };

/**
 * Path of one program of Kubernetes 1.36, built if it is missing (minutes, once).
 * A folder in KUBERNETES_BIN that holds it already is used instead.
 */
export function program(name: keyof typeof recipes): string {
  const given = process.env['KUBERNETES_BIN'];
  if (given && existsSync(join(given, name))) return join(given, name);
  const target = join(cacheFolder, 'bin', name);
  if (existsSync(target)) return target;
  mkdirSync(join(cacheFolder, 'bin'), { recursive: true });
  process.stderr.write(`Building ${name} of Kubernetes ${release} (once; minutes) ...\n`);
  const environment = { ...process.env, GOFLAGS: '-mod=mod -buildvcs=false', CGO_ENABLED: '0' };
  const command = recipes[name].map((word) => (word === '@' ? target : word));
  const built = spawnSync('go', command, { cwd: join(here, folders[name] ?? ''), stdio: 'inherit', env: environment });
  if (built.error) throw new Error(`Go is needed to build ${name}: ${built.error.message}`);
  if (built.status !== 0) throw new Error(`building ${name} failed with exit code ${built.status}`);
  return target;
}
