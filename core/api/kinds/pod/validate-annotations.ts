// Annotations of pods that mean something to Kubernetes.
import type { PodSpec } from '../../types.gen.ts';
import type { Findings } from '../findings.ts';

const mirror = 'kubernetes.io/config.mirror';
const deletionCost = 'controller.kubernetes.io/pod-deletion-cost';
const maxInt32 = 2147483647;

const isInt32 = (text: string): boolean =>
  /^(0|-?[1-9]\d*)$/.test(text) && Number(text) <= maxInt32 && Number(text) >= -maxInt32 - 1;

export function validatePodAnnotations(
  found: Findings,
  field: string,
  annotations: Readonly<Record<string, string>>,
  spec: PodSpec,
): void {
  const manifest = annotations[mirror];
  if (manifest !== undefined && !spec.nodeName) {
    found.invalid(`${field}[${mirror}]`, manifest, 'must set spec.nodeName if mirror pod annotation is set');
  }
  const cost = annotations[deletionCost];
  if (cost !== undefined && !isInt32(cost)) found.invalid(`${field}[${deletionCost}]`, cost, 'must be a 32bit integer');
}

/** A mirror pod stays one, and no other pod becomes one. */
export function validatePodAnnotationUpdate(
  found: Findings,
  field: string,
  annotations: Readonly<Record<string, string>>,
  old: Readonly<Record<string, string>>,
): void {
  if (annotations[mirror] === old[mirror]) return;
  const verb = old[mirror] === undefined ? 'add' : 'remove or update';
  found.forbidden(`${field}[${mirror}]`, `may not ${verb} mirror pod annotation`);
}
