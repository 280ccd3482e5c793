// Baseline: the profiles of the kernel that confine a container.
// Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline
import type { SELinuxOptions } from '../../../api/types.gen.ts';
import {
  type Check,
  containersOf,
  namesWhere,
  type PodLike,
  plural,
  quotedNames,
  settersText,
  sortedSet,
  type Violation,
} from './check.ts';

const level = 'baseline';

const appArmorPrefix = 'container.apparmor.security.beta.kubernetes.io/';

export const appArmor: Check = {
  id: 'appArmorProfile',
  level,
  run(pod) {
    const bad = (type: string | undefined): boolean =>
      type !== undefined && !['RuntimeDefault', 'Localhost'].includes(type);
    const own = pod.spec.securityContext?.appArmorProfile?.type;
    const typeOf = (c: { securityContext?: { appArmorProfile?: { type?: string } } }) =>
      c.securityContext?.appArmorProfile?.type;
    const names = namesWhere(pod, (container) => bad(typeOf(container)));
    const annotations = Object.entries(pod.annotations)
      .filter(
        ([key, value]) =>
          key.startsWith(appArmorPrefix) && value && value !== 'runtime/default' && !value.startsWith('localhost/'),
      )
      .map(([key, value]) => `${key}="${value}"`)
      .sort();
    const setters = settersText(bad(own), names);
    const all = [setters, annotations.length > 0 ? plural(annotations.length, 'annotation', 'annotations') : ''].filter(
      Boolean,
    );
    if (all.length === 0) return undefined;
    const types = [own, ...containersOf(pod).map(typeOf)].filter((type): type is string => bad(type));
    const values = [...sortedSet(types), ...annotations];
    return {
      reason: plural(values.length, 'forbidden AppArmor profile', 'forbidden AppArmor profiles'),
      detail: `${all.join(' and ')} must not set AppArmor profile type to ${quotedNames(values)}`,
    };
  },
};

export const seLinux: Check = {
  id: 'seLinuxOptions',
  level,
  run(pod, minor) {
    const allowed = [
      '',
      'container_t',
      'container_init_t',
      'container_kvm_t',
      ...(minor >= 31 ? ['container_engine_t'] : []),
    ];
    const isBad = (options: SELinuxOptions | undefined): boolean =>
      options !== undefined &&
      (!allowed.includes(options.type ?? '') || Boolean(options.user) || Boolean(options.role));
    const own = pod.spec.securityContext?.seLinuxOptions;
    const setters = settersText(
      isBad(own),
      namesWhere(pod, (c) => isBad(c.securityContext?.seLinuxOptions)),
    );
    if (!setters) return undefined;
    const all = [own, ...containersOf(pod).map((c) => c.securityContext?.seLinuxOptions)];
    const types = sortedSet(all.map((options) => options?.type ?? '').filter((type) => !allowed.includes(type)));
    const parts = [
      ...(types.length > 0 ? [`${plural(types.length, 'type', 'types')} ${quotedNames(types)}`] : []),
      ...(all.some((options) => options?.user) ? ['user may not be set'] : []),
      ...(all.some((options) => options?.role) ? ['role may not be set'] : []),
    ];
    return {
      reason: 'seLinuxOptions',
      detail: `${setters} set forbidden securityContext.seLinuxOptions: ${parts.join('; ')}`,
    };
  },
};

/** Profiles that are named and not allowed. */
export function badSeccomp(pod: PodLike): Violation | undefined {
  const bad = (type: string | undefined): boolean =>
    type !== undefined && !['RuntimeDefault', 'Localhost'].includes(type);
  const own = pod.spec.securityContext?.seccompProfile?.type;
  const names = namesWhere(pod, ({ securityContext }) => bad(securityContext?.seccompProfile?.type));
  const setters = settersText(bad(own), names);
  if (!setters) return undefined;
  const types = [own, ...containersOf(pod).map(({ securityContext }) => securityContext?.seccompProfile?.type)];
  const values = sortedSet(types.filter((type): type is string => bad(type)));
  return {
    reason: 'seccompProfile',
    detail: `${setters} must not set securityContext.seccompProfile.type to ${quotedNames(values)}`,
  };
}

export const seccomp: Check = { id: 'seccompProfile_baseline', level, since: 19, run: badSeccomp };
