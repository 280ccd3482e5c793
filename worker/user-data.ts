// The user data of a worker's launch template: what makes an Amazon Linux 2023 instance (arm64 or x86_64) a worker. It installs
// packages of the distribution, fetches the bundle that the cluster names, and leaves everything else to the bundle
// (worker/main.ts), which is tested as code. Runs once, as root; running it again changes nothing.
// https://docs.aws.amazon.com/linux/al2023/ug/nodejs.html, https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html
import { bundleName, nodeProgram, paths, type WorkerSettings } from './settings.ts';

/**
 * nftables masquerades pods and sends packets to services, conntrack forgets UDP flows whose endpoint is gone, iptables-nft is
 * what the portmap plugin calls; the rest says what it is.
 */
const packages = ['containerd', 'runc', 'cni-plugins', 'nftables', 'conntrack', 'iptables-nft', 'nodejs24', 'awscli-2'];

/** What is fetched once more by a later try costs little beside an instance that runs and never becomes a node. */
const tries = 8;

/** For the shell, whatever stands in it; CDK's placeholders pass unchanged and must not stand for a text with a quote. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

export interface Step {
  name: string;
  /** Body of a shell function. */
  body: string;
}

/** @param root put before every path; tests run steps in a folder */
export function userDataSteps(settings: WorkerSettings, root = ''): Step[] {
  const versions = `${root}${paths.versions}`;
  return [
    {
      name: 'write_settings',
      body: `install -d -m 0755 ${root}/etc/slipway
cat > ${root}${paths.settings} <<'SETTINGS'
${JSON.stringify(settings, null, 2)}
SETTINGS`,
    },
    {
      name: 'install_packages',
      body: `dnf install --assumeyes --setopt=install_weak_deps=False ${packages.join(' ')}`,
    },
    {
      // The distribution's image is without it. Named by its file, whatever package has that.
      name: 'install_tc',
      body: `dnf install --assumeyes --setopt=install_weak_deps=False /usr/sbin/tc || echo 'without tc: no pod with limits of bandwidth starts here'`,
    },
    {
      // what the parameter names now; the bundle itself follows later versions
      name: 'fetch_bundle',
      body: `local line version url sha256 folder
line=$(aws ssm get-parameter --region "$region" --name "$parameters/agent-bundle" --query Parameter.Value --output text)
read -r version url sha256 <<< "$line"
folder=${versions}/$version
if ! [ -e "$folder/${bundleName}" ]; then
  rm -rf "$folder.new"
  install -d -m 0755 "$folder.new"
  aws s3 cp --region "$region" --no-progress "$url" "$folder.new/${bundleName}"
  echo "$sha256  $folder.new/${bundleName}" | sha256sum --check --quiet
  mv -T "$folder.new" "$folder"
fi
[ -e ${root}${paths.current} ] || ln -sfn "versions/$version" ${root}${paths.current}`,
    },
    {
      name: 'install_files',
      body: `${nodeProgram} ${root}${paths.current}/${bundleName} install`,
    },
    {
      name: 'start_services',
      body: `systemctl restart systemd-modules-load.service
sysctl --quiet --system
systemctl daemon-reload
systemctl enable --now slipway-setup.service containerd.service slipway-agent.service`,
    },
  ];
}

const indented = (text: string): string =>
  // a here-document's lines must stay where they are
  text.includes("<<'") ? text : text.replace(/^(?=.)/gm, '  ');

export function userData(settings: WorkerSettings): string {
  const steps = userDataSteps(settings);
  return `#!/bin/bash
# Makes this instance a worker of a Slipway cluster. Its words are in the journal: journalctl -t slipway-user-data
set -euo pipefail
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin
exec > >(systemd-cat --identifier=slipway-user-data) 2>&1

region=${quoted(settings.region)}
parameters=${quoted(settings.parameters)}

# Right after the start, credentials of the role, names and mirrors may not be there yet. A step runs in a shell of its own, so
# that what fails in it ends it; two minutes are enough for what a deployment changes one after the other (the bundle's name, the right to
# read it). The console tells of a failure: this machine has no way in but Session Manager.
insist() {
  local try code
  for try in {1..${tries}}; do
    echo "$1"
    set +e
    (set -euo pipefail; "$1")
    code=$?
    set -e
    [ "$code" -ne 0 ] || return 0
    echo "$1 failed with code $code (try $try)"
    sleep $((try * 3))
  done
  echo "slipway: this instance did not become a worker: $1 failed" | tee /dev/console
  exit 1
}

${steps.map(({ name, body }) => `${name}() {\n${indented(body)}\n}`).join('\n\n')}

${steps.map(({ name }) => `insist ${name}`).join('\n')}
echo 'this instance is a worker'
`;
}
