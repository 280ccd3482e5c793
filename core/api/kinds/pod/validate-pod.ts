// A pod as it is made.
import type { FieldError } from '../../errors.ts';
import type { Pod } from '../../types.gen.ts';
import { Findings } from '../findings.ts';
import { validatePodAnnotations } from './validate-annotations.ts';
import { checkImageSpace } from './validate-container-lists.ts';
import { validatePodSpec } from './validate-spec.ts';

export function validatePodAndSpec(found: Findings, pod: Pod): void {
  const spec = pod.spec!;
  validatePodAnnotations(found, 'metadata.annotations', pod.metadata?.annotations ?? {}, spec);
  validatePodSpec(found, 'spec', spec, pod.metadata ?? {});
  if (!spec.serviceAccountName) {
    for (const [i, volume] of (spec.volumes ?? []).entries()) {
      for (const [j, source] of (volume.projected?.sources ?? []).entries()) {
        if (!source.serviceAccountToken) continue;
        const at = `spec.volumes[${i}].projected.sources[${j}].serviceAccountToken`;
        found.forbidden(at, 'must not be specified when serviceAccountName is not set');
      }
    }
  }
  for (const list of ['containers', 'initContainers'] as const) {
    for (const [i, container] of (spec[list] ?? []).entries()) checkImageSpace(found, `spec.${list}[${i}]`, container);
  }
}

export function validatePod(pod: Pod): FieldError[] {
  const found = new Findings();
  const spec = pod.spec!;
  validatePodAndSpec(found, pod);
  if ((spec.ephemeralContainers ?? []).length > 0)
    found.forbidden('spec.ephemeralContainers', 'cannot be set on create');
  if (spec.nodeName && (spec.schedulingGates ?? []).length > 0) {
    found.forbidden('spec.nodeName', 'cannot be set until all schedulingGates have been cleared');
  }
  return found.errors;
}
