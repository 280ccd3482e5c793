// Labels and annotations that kubelet puts on sandboxes and containers; crictl and log collectors know them.
export const labelKeys = {
  podName: 'io.kubernetes.pod.name',
  podNamespace: 'io.kubernetes.pod.namespace',
  podUid: 'io.kubernetes.pod.uid',
  containerName: 'io.kubernetes.container.name',
} as const;

export const annotationKeys = {
  restartCount: 'io.kubernetes.container.restartCount',
  terminationMessagePath: 'io.kubernetes.container.terminationMessagePath',
  terminationMessagePolicy: 'io.kubernetes.container.terminationMessagePolicy',
  /** The image the spec asked for: tells a changed definition after a restart of the agent. */
  image: 'slipway.dev/requested-image',
} as const;
