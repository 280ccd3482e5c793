// The restricted level: hardening practices, on top of baseline.
// Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
import type { Volume } from '../../../api/types.gen.ts';

import {
  type Check,
  containersOf,
  containersText,
  hasOwnUsers,
  isForWindows,
  namesWhere,
  plural,
  quotedNames,
  settersText,
  sortedSet,
} from './check.ts';
import { badSeccomp } from './confinement.ts';
import { procMountViolation } from './privileges.ts';

const level = 'restricted';

const allowPrivilegeEscalation: Check = {
  id: 'allowPrivilegeEscalation',
  level,
  since: 8,
  run(pod, minor) {
    if (isForWindows(pod, minor)) return undefined;
    const names = namesWhere(pod, ({ securityContext }) => securityContext?.allowPrivilegeEscalation !== false);
    if (names.length === 0) return undefined;
    return {
      reason: 'allowPrivilegeEscalation != false',
      detail: `${containersText(names)} must set securityContext.allowPrivilegeEscalation=false`,
    };
  },
};

const capabilities: Check = {
  id: 'capabilities_restricted',
  level,
  since: 22,
  replaces: 'capabilities_baseline',
  run(pod, minor) {
    if (isForWindows(pod, minor)) return undefined;
    const of = (container: ReturnType<typeof containersOf>[number]) => container.securityContext?.capabilities;
    const others = (container: ReturnType<typeof containersOf>[number]): string[] =>
      (of(container)?.add ?? []).filter((name) => name !== 'NET_BIND_SERVICE');
    const keeping = namesWhere(pod, (container) => !(of(container)?.drop ?? []).includes('ALL'));
    const adding = namesWhere(pod, (container) => others(container).length > 0);
    const added = quotedNames(sortedSet(containersOf(pod).flatMap(others)));
    const details = [
      ...(keeping.length > 0 ? [`${containersText(keeping)} must set securityContext.capabilities.drop=["ALL"]`] : []),
      ...(adding.length > 0
        ? [`${containersText(adding)} must not include ${added} in securityContext.capabilities.add`]
        : []),
    ];
    return details.length === 0 ? undefined : { reason: 'unrestricted capabilities', detail: details.join('; ') };
  },
};

const procMount: Check = {
  id: 'procMount_restricted',
  level,
  since: 35,
  replaces: 'procMount',
  run: procMountViolation,
};

const allowedVolumes = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'image',
  'persistentVolumeClaim',
  'projected',
  'secret',
] as const;

const volumeType = (volume: Volume): string =>
  Object.entries(volume).find(([key, value]) => key !== 'name' && value)?.[0] ?? 'unknown';

const volumes: Check = {
  id: 'restrictedVolumes',
  level,
  replaces: 'hostPathVolumes',
  run({ spec }) {
    const bad = (spec.volumes ?? []).filter((volume) => !allowedVolumes.some((type) => volume[type]));
    if (bad.length === 0) return undefined;
    const types = sortedSet(bad.map(volumeType));
    const names = quotedNames(bad.map(({ name }) => name));
    const what = plural(types.length, 'restricted volume type', 'restricted volume types');
    const who = `${plural(bad.length, 'volume', 'volumes')} ${names} ${plural(bad.length, 'uses', 'use')}`;
    return { reason: 'restricted volume types', detail: `${who} ${what} ${quotedNames(types)}` };
  },
};

const runAsNonRoot: Check = {
  id: 'runAsNonRoot',
  level,
  run(pod, minor) {
    if (hasOwnUsers(pod, minor)) return undefined;
    const reason = 'runAsNonRoot != true';
    const own = pod.spec.securityContext?.runAsNonRoot;
    const refusing = namesWhere(pod, ({ securityContext }) => securityContext?.runAsNonRoot === false);
    const setters = settersText(own === false, refusing);
    if (setters) return { reason, detail: `${setters} must not set securityContext.runAsNonRoot=false` };
    const unset = own ? [] : namesWhere(pod, ({ securityContext }) => securityContext?.runAsNonRoot === undefined);
    if (unset.length === 0) return undefined;
    return { reason, detail: `pod or ${containersText(unset)} must set securityContext.runAsNonRoot=true` };
  },
};

const runAsUser: Check = {
  id: 'runAsUser',
  level,
  since: 23,
  run(pod, minor) {
    if (hasOwnUsers(pod, minor)) return undefined;
    const names = namesWhere(pod, ({ securityContext }) => securityContext?.runAsUser === 0);
    const setters = settersText(pod.spec.securityContext?.runAsUser === 0, names);
    return setters ? { reason: 'runAsUser=0', detail: `${setters} must not set runAsUser=0` } : undefined;
  },
};

const seccomp: Check = {
  id: 'seccompProfile_restricted',
  level,
  since: 19,
  replaces: 'seccompProfile_baseline',
  run(pod, minor) {
    if (isForWindows(pod, minor)) return undefined;
    const bad = badSeccomp(pod);
    if (bad) return bad;
    const unset = pod.spec.securityContext?.seccompProfile
      ? []
      : namesWhere(pod, ({ securityContext }) => !securityContext?.seccompProfile);
    if (unset.length === 0) return undefined;
    const wanted = 'must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"';
    return { reason: 'seccompProfile', detail: `pod or ${containersText(unset)} ${wanted}` };
  },
};

/** In the order in which their findings are reported, after those of baseline. */
export const restrictedChecks: readonly Check[] = [
  allowPrivilegeEscalation,
  capabilities,
  procMount,
  volumes,
  runAsNonRoot,
  runAsUser,
  seccomp,
];
