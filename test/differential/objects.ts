// The paths and objects that scenarios of several files ask about.
export const maps = '/api/v1/namespaces/{ns}/configmaps';
export const pods = '/api/v1/namespaces/{ns}/pods';
export const deployments = '/apis/apps/v1/namespaces/{ns}/deployments';
export const budgets = '/apis/policy/v1/namespaces/{ns}/poddisruptionbudgets';

export const main = { name: 'main', image: 'example/app:1' };
export const map = (name: string, data: Record<string, unknown> = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data,
});
export const pod = (name: string, spec: Record<string, unknown> = {}, metadata: Record<string, unknown> = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels: { app: name }, ...metadata },
  spec: { containers: [main], ...spec },
});
export const containerWith = (fields: Record<string, unknown>) => ({ containers: [{ ...main, ...fields }] });
export const deployment = (fields: Record<string, unknown> = {}, metadata: Record<string, unknown> = {}) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', ...metadata },
  spec: {
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [main] } },
    ...fields,
  },
});
