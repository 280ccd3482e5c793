// The Status that answers a POST which makes no object of its own.
import type { KubeObject } from '../../api/objects.ts';

export const success = (code: number): KubeObject => ({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Success',
  code,
});
