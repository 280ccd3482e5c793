// Deployments of the image that every emulated worker is given.

const counting = 'i=0; while true; do i=$((i+1)); echo line $i; sleep 0.3; done';

/** A deployment of one pod that says `line 1`, `line 2`, ... */
export const counter = (name: string): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [{ name: 'counter', image: 'slipway/sample:1', command: ['sh', '-c', counting] }],
      },
    },
  },
});
