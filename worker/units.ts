// The files of a worker that are the same on every instance: units of systemd, the guard, what the kernel needs.

import { agentProcess } from '../agent/process.ts';
import { bundleName, nodeProgram, paths } from './settings.ts';
import { agentUpdate } from './update/files.ts';

export interface WorkerFile {
  path: string;
  text: string | Uint8Array;
  mode: number;
}

const bundle = `${paths.current}/${bundleName}`;
const environment = Object.entries(agentProcess.env)
  .map(([name, value]) => `Environment=${name}=${value}`)
  .join('\n');
const ctr = `/usr/bin/ctr --address ${paths.containerdSocket} --namespace k8s.io`;

const setupUnit = `[Unit]
Description=Configuration of this Slipway worker
Wants=network-online.target
After=network-online.target
Before=containerd.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=${nodeProgram} --enable-source-maps ${bundle} configure
ExecStart=/usr/sbin/nft -f ${paths.networkRules}
# instance metadata and parameters may not be there yet
Restart=on-failure
RestartSec=5

[Install]
WantedBy=multi-user.target
`;

/**
 * Over the distribution's unit. Wants, not Requires: a set-up that fails at first and succeeds later must not leave containerd
 * down; until its configuration is there it is tried again.
 */
const containerdDropIn = `[Unit]
Wants=slipway-setup.service
After=slipway-setup.service
StartLimitIntervalSec=0

[Service]
ExecStart=
ExecStart=/usr/bin/containerd --config ${paths.containerdConfig}
KillMode=process
Delegate=yes
Restart=always
RestartSec=2
OOMScoreAdjust=-999
`;

/**
 * The agent makes mounts that containers must see, so nothing that would give it a mount namespace of its own (ProtectSystem and
 * its kin) can be set; and it sets the setgid bit on volumes, so RestrictSUIDSGID cannot either.
 */
const agentUnit = `[Unit]
Description=Slipway agent
Wants=containerd.service network-online.target
After=slipway-setup.service containerd.service network-online.target
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStartPre=${paths.guard}
ExecStartPre=${nodeProgram} --enable-source-maps ${bundle} configure
ExecStartPre=/usr/sbin/nft -f ${paths.networkRules}
ExecStartPre=${ctr} images import ${paths.pauseArchive}
ExecStart=${nodeProgram} --enable-source-maps ${agentProcess.flags.join(' ')} ${bundle} run
${environment}
Environment=NODE_COMPILE_CACHE=/var/cache/slipway
CacheDirectory=slipway
Restart=always
RestartSec=2
# containers, and what the agent started for them, go on when it ends
KillMode=process
TimeoutStopSec=20
UMask=0022
OOMScoreAdjust=-999
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
SystemCallArchitectures=native
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
CapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER CAP_FSETID CAP_KILL CAP_MKNOD CAP_NET_ADMIN CAP_NET_BIND_SERVICE CAP_NET_RAW CAP_SETGID CAP_SETUID CAP_SYS_ADMIN CAP_SYS_CHROOT CAP_SYS_PTRACE CAP_SYS_RESOURCE CAP_SYSLOG

[Install]
WantedBy=multi-user.target
`;

/** Before each start of the agent: a version that did not come up in three starts makes place for the one before it. */
const guard = `#!/bin/sh
# An update that fails to prove itself is taken back (worker/update): this must not depend on the version that fails.
set -u
root="\${1:-}"
trying="$root${agentUpdate.trying}"
[ -e "$trying" ] || exit 0
from= to= count=
read -r from to count < "$trying" || true
case "$count" in '' | *[!0-9]*) rm -f "$trying"; exit 0 ;; esac
[ "$(readlink "$root${paths.current}")" = "versions/$to" ] || exit 0
if [ "$count" -ge ${agentUpdate.starts} ] && [ -d "$root${paths.versions}/$from" ]; then
  echo "version $to did not come up in ${agentUpdate.starts} starts: back to $from"
  ln -sfn "versions/$from" "$root${paths.current}.new"
  mv -T "$root${paths.current}.new" "$root${paths.current}"
  mv "$trying" "$root${agentUpdate.failed}"
  exit 0
fi
echo "$from $to $((count + 1))" > "$trying.new"
mv "$trying.new" "$trying"
`;

const sysctls = `net.ipv4.ip_forward = 1
# service rules must see what pods of one node say to each other over the bridge
net.bridge.bridge-nf-call-iptables = 1
fs.inotify.max_user_instances = 8192
fs.inotify.max_user_watches = 524288
`;

/** udev must not give the pods' links other addresses while they are being made. */
const linkFile = `[Match]
OriginalName=cni0 veth* slipway-pods

[Link]
MACAddressPolicy=none
`;

export const staticFiles = (): WorkerFile[] => [
  { path: '/etc/systemd/system/slipway-setup.service', text: setupUnit, mode: 0o644 },
  { path: '/etc/systemd/system/slipway-agent.service', text: agentUnit, mode: 0o644 },
  { path: '/etc/systemd/system/containerd.service.d/slipway.conf', text: containerdDropIn, mode: 0o644 },
  { path: '/etc/modules-load.d/slipway.conf', text: 'overlay\nbr_netfilter\nvxlan\n', mode: 0o644 },
  { path: '/etc/sysctl.d/90-slipway.conf', text: sysctls, mode: 0o644 },
  { path: '/etc/systemd/network/10-slipway.link', text: linkFile, mode: 0o644 },
  { path: paths.guard, text: guard, mode: 0o755 },
];
