// A machine that its cloud says is down, or on its way there, carries a taint until it runs again.
// https://kubernetes.io/docs/reference/labels-annotations-taints/#node-cloudprovider-kubernetes-io-shutdown
import type { Node } from './types.gen.ts';

export const shutdownTaint = 'node.cloudprovider.kubernetes.io/shutdown';

export const isShutDown = ({ spec }: Node): boolean => spec?.taints?.some(({ key }) => key === shutdownTaint) ?? false;
