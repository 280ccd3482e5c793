// What the checks of the Pod Security Standards have in common.
import type { Container, EphemeralContainer, PodSpec } from '../../../api/types.gen.ts';

export type Level = 'privileged' | 'baseline' | 'restricted';

export interface PodLike {
  annotations: Readonly<Record<string, string>>;
  spec: PodSpec;
}

/** What is wrong: the reason alone, and the details that name who set what. */
export interface Violation {
  reason: string;
  detail: string;
}

export interface Check {
  id: string;
  level: Exclude<Level, 'privileged'>;
  /** First minor version of the policy that has it. */
  since?: number;
  /** The baseline check that this restricted one stands in for. */
  replaces?: string;
  /** `minor`: the version of the policy asked for. */
  run(pod: PodLike, minor: number): Violation | undefined;
}

export type AnyContainer = Container | EphemeralContainer;

export const containersOf = ({ spec }: PodLike): AnyContainer[] => [
  ...(spec.initContainers ?? []),
  ...(spec.containers ?? []),
  ...(spec.ephemeralContainers ?? []),
];

/** Names of the containers for which `isBad` holds. */
export const namesWhere = (pod: PodLike, isBad: (container: AnyContainer) => boolean): string[] =>
  containersOf(pod)
    .filter(isBad)
    .map(({ name }) => name);

export const quotedNames = (names: readonly string[]): string => names.map((name) => `"${name}"`).join(', ');
export const plural = (count: number, one: string, many: string): string => (count === 1 ? one : many);
/** `container "a"`, `containers "a", "b"`. */
export const containersText = (names: readonly string[]): string =>
  `${plural(names.length, 'container', 'containers')} ${quotedNames(names)}`;

/** `pod and container "a"`. */
export const settersText = (podIsBad: boolean, names: readonly string[]): string =>
  [...(podIsBad ? ['pod'] : []), ...(names.length > 0 ? [containersText(names)] : [])].join(' and ');

export const sortedSet = (values: Iterable<string>): string[] => [...new Set(values)].sort();

/** From 1.25 a pod that says it is for Windows is not asked for what only Linux has. */
export const isForWindows = ({ spec }: PodLike, minor: number): boolean => minor >= 25 && spec.os?.name === 'windows';

/** From 1.35 root in a user namespace of the pod's own is not root. */
export const hasOwnUsers = ({ spec }: PodLike, minor: number): boolean => minor >= 35 && spec.hostUsers === false;
