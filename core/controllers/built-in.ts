// The controllers that a cluster runs.
import { ResourceCatalog } from '../client/discovery.ts';
import { certificateApprovalController } from './certificates/approve.ts';
import { certificateSigningController } from './certificates/sign.ts';
import { clusterRoleAggregationController } from './cluster-role-aggregation.ts';
import type { Controller } from './controller.ts';
import { cronJobController } from './cron-job/controller.ts';
import { daemonSetController } from './daemon-set/controller.ts';
import { deploymentController } from './deployment/controller.ts';
import { disruptionController } from './disruption.ts';
import { endpointSliceController } from './endpoints/endpoint-slice.ts';
import { endpointsController } from './endpoints/endpoints.ts';
import { endpointMirrorController } from './endpoints/mirroring.ts';
import { eventExpiryController } from './event-expiry.ts';
import { garbageCollector } from './garbage-collector/controller.ts';
import { jobController } from './job/controller.ts';
import { jobExpiryController } from './job/expiry.ts';
import { jobOrphanController } from './job/orphans.ts';
import { balancerNotAskedController } from './load-balancers-aws/not-asked.ts';
import { namespaceController } from './namespace/controller.ts';
import { nodeLifecycleController } from './node-lifecycle/controller.ts';
import { nodeLoadBalancerController } from './node-load-balancer.ts';
import { podGarbageController } from './pod-gc.ts';
import { replicaSetController, replicationControllerController } from './replica-set/controller.ts';
import { resourceQuotaController } from './resource-quota.ts';
import { rootCaController } from './root-ca.ts';
import { serviceAccountController } from './service-account.ts';
import type { ControllerDeps } from './start.ts';
import { statefulSetController } from './stateful-set/controller.ts';
import {
  attributesClassProtectionController,
  claimProtectionController,
  volumeProtectionController,
} from './storage-protection.ts';

/** The runner cares for a controller's observations only in handing them back to it. */
const erased = <Observed>(controller: Controller<Observed>): Controller<unknown> =>
  controller as unknown as Controller<unknown>;

export function builtInControllers({
  client,
  ports,
  rootCa,
  signCertificate,
  heartbeats,
  nodeMonitorGraceMs,
  balanceByNodes,
  balanceWhenAsked,
}: ControllerDeps): Controller<unknown>[] {
  const catalog = new ResourceCatalog(client, ports.clock);
  return [
    erased(deploymentController(ports.clock)),
    erased(replicaSetController),
    erased(replicationControllerController),
    erased(statefulSetController(ports.clock)),
    erased(jobController),
    erased(jobExpiryController),
    erased(jobOrphanController),
    erased(cronJobController(ports.clock)),
    erased(daemonSetController(ports.clock)),
    erased(namespaceController(catalog)),
    erased(garbageCollector(catalog, ports.clock)),
    erased(nodeLifecycleController(ports.clock, heartbeats, nodeMonitorGraceMs)),
    erased(podGarbageController(() => ports.clock.now())),
    erased(disruptionController(ports.clock)),
    erased(endpointSliceController),
    erased(endpointsController),
    erased(endpointMirrorController),
    erased(serviceAccountController),
    erased(claimProtectionController),
    erased(volumeProtectionController),
    erased(attributesClassProtectionController),
    erased(resourceQuotaController(catalog, ports.clock)),
    erased(certificateApprovalController),
    erased(certificateSigningController(signCertificate)),
    erased(clusterRoleAggregationController),
    erased(eventExpiryController),
    ...(rootCa ? [erased(rootCaController(rootCa))] : []),
    ...(balanceByNodes ? [erased(nodeLoadBalancerController)] : []),
    ...(balanceWhenAsked ? [erased(balancerNotAskedController)] : []),
  ];
}
