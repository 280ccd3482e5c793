// A pod stays five minutes on a node that became unreachable or not ready, unless it says otherwise.
// Source: https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#defaulttolerationseconds
import type { Toleration } from '../../api/types.gen.ts';
import type { AdmissionPlugin } from '../server.ts';
import { concerns, podOf } from './request.ts';

const defaultSeconds = 300;
const taints = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];

const tolerates = ({ key, effect }: Toleration, taint: string): boolean =>
  (!key || key === taint) && (!effect || effect === 'NoExecute');

export const defaultTolerationSeconds: AdmissionPlugin = {
  name: 'DefaultTolerationSeconds',
  async mutate(request) {
    if (!concerns(request, 'pods') || (request.operation !== 'CREATE' && request.operation !== 'UPDATE')) return;
    const { spec } = podOf(request);
    if (!spec) return;
    const missing = taints.filter((taint) => !(spec.tolerations ?? []).some((own) => tolerates(own, taint)));
    if (missing.length === 0) return;
    const added = missing.map(
      (key): Toleration => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: defaultSeconds }),
    );
    spec.tolerations = [...(spec.tolerations ?? []), ...added];
  },
};
