// What the API server knows of a kind. One file per kind (or small family) beside this one; index.ts is the registry.
import type { FieldError, Named } from '../errors.ts';
import type { KubeObject } from '../objects.ts';

export type Verb = 'create' | 'get' | 'list' | 'watch' | 'update' | 'patch' | 'delete' | 'deletecollection';

/** A printed column of `kubectl get`; `priority` above 0 shows with -o wide only. */
export interface Column {
  name: string;
  type: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  format?: 'name' | 'quantity' | 'duration' | '';
  description: string;
  priority: number;
  /** `nowMs` is for ages. */
  cell(object: KubeObject, nowMs: number): string | number | boolean | null;
}

export interface ScalePaths {
  specReplicas: string;
  statusReplicas: string;
  /** Path of the selector in status or spec, as `kubectl scale` and the autoscaler need it. */
  selector: string;
}

/** What a strategy may need to know about the request. */
export interface WriteContext {
  nowMs: number;
  uuid(): string;
  /** User of the request; CSR and others record it. */
  user: { username: string; uid?: string; groups: string[]; extra?: Record<string, string[]> };
}

export interface Kind extends Named {
  group: string;
  version: string;
  kind: string;
  plural: string;
  singular: string;
  shortNames: readonly string[];
  categories: readonly string[];
  namespaced: boolean;
  /** Name in schemas-1.36.json ("io.k8s.api.core.v1.Pod"). */
  schema: string;
  /** Sequence of revisions and key range in the store ("pods", "deployments.apps"); kinds that are views of one another share it. */
  resource: string;
  /** Empty for kinds that are only posted (reviews). */
  verbs: readonly Verb[];
  /** Whether spec and status are written apart (a /status subresource exists). */
  hasStatus: boolean;
  scale?: ScalePaths;
  /** Seconds for a graceful delete when the caller names none; undefined: deleted at once. */
  gracePeriodSeconds?(object: KubeObject): number | undefined;
  /** True for an object that has nothing to end: its grace is zero whatever the caller asks. */
  endsAtOnce?(object: KubeObject): boolean;
  columns: readonly Column[];
  /** Values of the field labels this kind supports in field selectors, beyond metadata.name and metadata.namespace. */
  fieldLabels(object: KubeObject): Record<string, string>;
  /** The labels that fieldLabels gives, to refuse others with "field label not supported". */
  fieldLabelNames: readonly string[];
  /** Between the stored form and this version, for kinds that share storage (events, autoscaling). */
  fromStorage?(object: KubeObject): KubeObject;
  toStorage?(object: KubeObject): KubeObject;
  /** An annotation that stands for a field of old: whole objects show it, their metadata alone does not. */
  fieldAnnotation?: string;
  /** Defaults that the schema data does not carry. Mutates. Runs after the walker's defaults. */
  setDefaults?(object: KubeObject): void;
  /** Drops what the caller may not set (status on create ...). Mutates. */
  prepareForCreate?(object: KubeObject, context: WriteContext): void;
  /** `subresource` is '' for the object itself, 'status' ... otherwise. Mutates `object`. Generation is handled by the verb. */
  prepareForUpdate?(object: KubeObject, old: KubeObject, context: WriteContext, subresource: string): void;
  /** All findings at once. metadata is validated by the verb for all kinds alike. */
  validate?(object: KubeObject): FieldError[];
  validateUpdate?(object: KubeObject, old: KubeObject, subresource: string): FieldError[];
  /** Name rule: 'subdomain' (default), 'label', 'path', ... */
  validateName?(name: string): string[];
  /** Warning (header 299) of every answer about a deprecated kind. */
  deprecation?: string;
  /** Warnings (header 299) for a written object: deprecated fields and the like. `old` is absent when it is new. */
  warnings?(object: KubeObject, old: KubeObject | undefined): string[];
  /** True when an update leaves metadata.generation alone although the object has a spec, or bumps it in a way of its own. */
  generation?: 'spec' | 'none';
  /** What a change of bumps the generation (compare with sameValue); default: the spec. */
  generationBasis?(object: KubeObject): unknown;
  /** PUT on an absent name creates (leases, ...). */
  allowCreateOnUpdate?: boolean;
  /** Updates may omit resourceVersion. */
  allowUnconditionalUpdate?: boolean;
  /** DELETE answers the object that was deleted, not a Status. */
  returnsDeletedObject?: boolean;
  /** What becomes of dependents when a deletion does not say: 'delete' (default), 'orphan', or 'none' (no finalizers ever). */
  garbageCollection?: 'delete' | 'orphan' | 'none';
}
