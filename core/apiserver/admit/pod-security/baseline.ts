// The baseline level: nothing that is known to escalate privileges.
// Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline
import type { Check } from './check.ts';
import { appArmor, seccomp, seLinux } from './confinement.ts';
import { hostNamespaces, hostPathVolumes, hostPorts, hostProbes, windowsHostProcess } from './host.ts';
import { capabilities, privileged, procMount, sysctls } from './privileges.ts';

/** In the order in which their findings are reported. */
export const baselineChecks: readonly Check[] = [
  appArmor,
  capabilities,
  hostNamespaces,
  hostPathVolumes,
  hostPorts,
  hostProbes,
  privileged,
  procMount,
  seLinux,
  seccomp,
  sysctls,
  windowsHostProcess,
];
