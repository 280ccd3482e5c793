// What /version answers: the Kubernetes version whose API this is, and Slipway's own behind the plus sign.
import packageFile from '../package.json' with { type: 'json' };

/** The API that is served. */
const kubernetesVersion = { major: '1', minor: '36', patch: '0' } as const;

const { major, minor, patch } = kubernetesVersion;

const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

export const serverVersion = {
  major,
  minor,
  gitVersion: `v${major}.${minor}.${patch}+slipway.${packageFile.version}`,
  platform: `${process.platform}/${architectures[process.arch] ?? process.arch}`,
};
