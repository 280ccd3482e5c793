// Runs the admission plugins: mutating ones in order, then (after the object's own validation) validating ones, whose
// reservations are given back if the write does not happen.
import type { KubeObject } from '../api/objects.ts';
import type { WriteScope } from './call.ts';
import type { AdmissionRequest, ApiServerDeps, Release } from './server.ts';

export function admissionRequest(
  scope: WriteScope,
  operation: AdmissionRequest['operation'],
  object: KubeObject | undefined,
  old: KubeObject | undefined,
): AdmissionRequest {
  return {
    kind: scope.kind,
    operation,
    subresource: scope.subresource,
    namespace: scope.namespace,
    name: scope.name || (object?.metadata.name ?? ''),
    object,
    old,
    user: scope.user,
    dryRun: scope.dryRun,
    options: scope.options,
    warnings: scope.warnings,
  };
}

export async function mutateAdmission(deps: ApiServerDeps, request: AdmissionRequest): Promise<void> {
  for (const plugin of deps.admission) await plugin.mutate?.(request);
}

/** Gives back what was reserved, last first. A failure to do so is logged: it must not hide why the write failed. */
export async function releaseAll(deps: ApiServerDeps, releases: readonly Release[]): Promise<void> {
  for (const release of releases.toReversed()) {
    try {
      await release();
    } catch (error) {
      deps.log('error', 'admission.release-failed', { error: String(error) });
    }
  }
}

/** Throws what a plugin refuses with, after giving back what the earlier ones reserved. */
export async function validateAdmission(deps: ApiServerDeps, request: AdmissionRequest): Promise<Release[]> {
  const releases: Release[] = [];
  try {
    for (const plugin of deps.admission) {
      const release = await plugin.validate?.(request);
      if (release) releases.push(release);
    }
  } catch (error) {
    await releaseAll(deps, releases);
    throw error;
  }
  return releases;
}
