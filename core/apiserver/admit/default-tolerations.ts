// A pod stays five minutes on a node that became unreachable or not ready, unless it says otherwise.
// Source: https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#defaulttolerationseconds
import { nodeTaints } from '../../api/node-taints.ts';
import type { Toleration } from '../../api/types.gen.ts';
import type { AdmissionPlugin } from '../server.ts';
import { concerns, podOf } from './request.ts';

/** Seconds; kube-apiserver's flags of the same names. */
export interface DefaultTolerations {
  notReadySeconds?: number | undefined;
  unreachableSeconds?: number | undefined;
}

const usualSeconds = 300;

const tolerates = ({ key, effect }: Toleration, taint: string): boolean =>
  (!key || key === taint) && (!effect || effect === 'NoExecute');

export function defaultTolerationSeconds(defaults: DefaultTolerations = {}): AdmissionPlugin {
  const seconds: Record<string, number> = {
    [nodeTaints.notReady]: defaults.notReadySeconds ?? usualSeconds,
    [nodeTaints.unreachable]: defaults.unreachableSeconds ?? usualSeconds,
  };
  return {
    name: 'DefaultTolerationSeconds',
    async mutate(request) {
      if (!concerns(request, 'pods') || (request.operation !== 'CREATE' && request.operation !== 'UPDATE')) return;
      const { spec } = podOf(request);
      if (!spec) return;
      const missing = Object.entries(seconds).filter(
        ([taint]) => !(spec.tolerations ?? []).some((own) => tolerates(own, taint)),
      );
      if (missing.length === 0) return;
      const added = missing.map(
        ([key, tolerationSeconds]): Toleration => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds }),
      );
      spec.tolerations = [...(spec.tolerations ?? []), ...added];
    },
  };
}
