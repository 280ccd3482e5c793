// The controllers that a cluster runs.
import type { Controller } from './controller.ts';
import { deploymentController } from './deployment/controller.ts';
import { replicaSetController, replicationControllerController } from './replica-set/controller.ts';
import type { ControllerDeps } from './start.ts';

/** The runner cares for a controller's observations only in handing them back to it. */
const erased = <Observed>(controller: Controller<Observed>): Controller<unknown> =>
  controller as unknown as Controller<unknown>;

export function builtInControllers(_deps: ControllerDeps): Controller<unknown>[] {
  return [erased(deploymentController), erased(replicaSetController), erased(replicationControllerController)];
}
