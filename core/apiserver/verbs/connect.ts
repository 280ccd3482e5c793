// CONNECT: admission of calls that go through to a node.
import type { Kind } from '../../api/kinds/kind.ts';
import { admissionRequest, mutateAdmission, validateAdmission } from '../admission.ts';
import { scopeOf } from '../call.ts';
import type { HandlerContext } from '../server.ts';

/** Throws what admission refuses with. */
export async function connectAdmission(context: HandlerContext, kind: Kind): Promise<void> {
  const scope = scopeOf(context, kind, { dryRun: false, fieldManager: '', fieldValidation: 'Ignore' });
  const request = admissionRequest(scope, 'CONNECT', undefined, undefined);
  await mutateAdmission(context.deps, request);
  await validateAdmission(context.deps, request);
}
