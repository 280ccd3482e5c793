// The seccomp profile of pod sandboxes, whose only process is the pause program. It refuses what the runtimes' default profile
// refuses (https://docs.docker.com/engine/security/seccomp/) and every call of another architecture, but is a tenth of its
// length and for one architecture instead of three: compiling the default one takes a third of the time of making a sandbox.
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';

/** By what they would do. Names that an architecture does not have are passed over by runc. */
const refused = [
  'acct quotactl swapon swapoff reboot', // the machine
  'clock_adjtime clock_settime settimeofday stime', // its time
  'create_module delete_module finit_module get_kernel_syms init_module kexec_file_load kexec_load query_module', // its kernel
  'bpf io_uring_enter io_uring_register io_uring_setup perf_event_open userfaultfd', // ways into the kernel
  'ioperm iopl vm86 vm86old', // its devices
  'mount mount_setattr move_mount pivot_root umount umount2 fsopen fsconfig fsmount fspick open_tree', // file systems
  'setns unshare', // namespaces
  'add_key keyctl request_key', // keys, which no namespace keeps apart
  'kcmp process_vm_readv process_vm_writev ptrace', // other processes
  'get_mempolicy mbind move_pages set_mempolicy', // memory of the machine
  'lookup_dcookie name_to_handle_at open_by_handle_at', // files outside its own tree
  '_sysctl nfsservctl personality sysfs uselib ustat', // obsolete
];

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET (linux/sched.h): new namespaces by clone. */
const newNamespaces = [0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000];
const operationNotPermitted = 1;
/** So that a C library falls back to clone, whose flags can be looked at. */
const noSuchCall = 38;

/** As the OCI runtime specification writes it (config-linux.md, seccomp); no architectures: the machine's own alone. */
export const sandboxSeccomp = {
  defaultAction: 'SCMP_ACT_ALLOW',
  syscalls: [
    {
      names: refused.flatMap((line) => line.split(' ')),
      action: 'SCMP_ACT_ERRNO',
      errnoRet: operationNotPermitted,
    },
    ...newNamespaces.map((flag) => ({
      names: ['clone'],
      action: 'SCMP_ACT_ERRNO',
      errnoRet: operationNotPermitted,
      args: [{ index: 0, value: flag, valueTwo: flag, op: 'SCMP_CMP_MASKED_EQ' }],
    })),
    { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: noSuchCall },
  ],
};

/** Returns the path of the file, which no reader finds half written. */
export function writeSandboxSeccomp(stateDir: string): string {
  const path = `${stateDir}/sandbox-seccomp.json`;
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  writeFileSync(`${path}.new`, JSON.stringify(sandboxSeccomp));
  renameSync(`${path}.new`, path);
  return path;
}
