// The working state of one decision: what the replica sets will be, and the actions that make them so.
import type { DeploymentStatus } from '../../api/types.gen.ts';
import { resources } from '../../client/resources.ts';
import type { Action, EventNote } from '../controller.ts';
import { asObject } from '../owner.ts';
import { annotations, replicasAnnotations, replicasAnnotationsDiffer } from './annotations.ts';
import {
  byCreation,
  type DeploymentReplicaSet,
  desiredReplicas,
  maxSurge,
  type StoredDeployment,
  specReplicas,
} from './model.ts';

export class DeploymentPlan {
  readonly deployment: StoredDeployment;
  readonly nowMs: number;
  readonly actions: Action[] = [];
  /** Conditions and collision count as this round has them so far; counts are computed at the end. */
  readonly status: DeploymentStatus;
  /** To be written with the status; undefined: as it is. */
  revision: string | undefined;
  newSet: DeploymentReplicaSet | undefined;
  oldSets: DeploymentReplicaSet[];

  /** Sizes before this round, of the sets it changes. */
  readonly #sizes = new Map<string, number>();

  constructor(
    deployment: StoredDeployment,
    newSet: DeploymentReplicaSet | undefined,
    oldSets: readonly DeploymentReplicaSet[],
    nowMs: number,
  ) {
    this.deployment = deployment;
    this.newSet = newSet;
    this.oldSets = [...oldSets].sort(byCreation);
    this.nowMs = nowMs;
    this.status = { ...deployment.status, conditions: [...(deployment.status?.conditions ?? [])] };
    this.revision = deployment.metadata.annotations?.[annotations.revision];
  }

  get allSets(): DeploymentReplicaSet[] {
    return this.newSet ? [...this.oldSets, this.newSet] : [...this.oldSets];
  }

  /** Puts a changed replica set in the place of the one of its name. */
  replace(changed: DeploymentReplicaSet): void {
    const { name } = changed.metadata;
    if (this.newSet?.metadata.name === name) this.newSet = changed;
    else this.oldSets = this.oldSets.map((rs) => (rs.metadata.name === name ? changed : rs));
  }

  /**
   * Gives a replica set a new size, and tells. `always`: also when only the annotations that remember the deployment's size
   * are out of date. Returns whether the size changed.
   */
  scale(rs: DeploymentReplicaSet, replicas: number, always = false): boolean {
    const before = specReplicas(rs);
    const resized = before !== replicas;
    if (!resized && !always) return false;
    const desired = desiredReplicas(this.deployment);
    const most = desired + maxSurge(this.deployment);
    if (!resized && !replicasAnnotationsDiffer(rs, desired, most)) return false;
    const changed: DeploymentReplicaSet = {
      ...rs,
      metadata: { ...rs.metadata, annotations: { ...rs.metadata.annotations, ...replicasAnnotations(desired, most) } },
      spec: { ...rs.spec!, replicas },
    };
    this.update(changed);
    return resized;
  }

  /** One write for each replica set, however often this round changes it. */
  update(changed: DeploymentReplicaSet): void {
    const { name } = changed.metadata;
    if (!this.#sizes.has(name)) {
      const before = this.allSets.find((rs) => rs.metadata.name === name);
      this.#sizes.set(name, before ? specReplicas(before) : 0);
    }
    this.replace(changed);
    const of = resources.replicaSets;
    const object = asObject(changed);
    const event = this.#scalingEvent(changed, this.#sizes.get(name) ?? 0);
    const earlier = this.actions.findIndex((action) => 'object' in action && action.object.metadata.name === name);
    const creates = this.actions[earlier]?.do === 'create';
    const action: Action = { do: creates ? 'create' : 'update', of, object, ...(event ? { event } : {}) };
    this.actions.splice(earlier < 0 ? this.actions.length : earlier, 1, action);
  }

  #scalingEvent(rs: DeploymentReplicaSet, from: number): EventNote | undefined {
    const to = specReplicas(rs);
    if (from === to) return undefined;
    const message = `Scaled ${from < to ? 'up' : 'down'} replica set ${rs.metadata.name} from ${from} to ${to}`;
    return { about: asObject(this.deployment), type: 'Normal', reason: 'ScalingReplicaSet', message };
  }
}
