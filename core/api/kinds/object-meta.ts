// Validation of metadata, the same for all kinds.
// Follows https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/
import type { FieldError } from '../errors.ts';
import { goQuote } from '../field-errors.ts';
import { dns1123Label, dns1123Subdomain, pathSegmentName, prefixOf, qualifiedName } from '../names.ts';
import type { KubeObject } from '../objects.ts';
import { validateLabels as labelErrors } from '../selectors.ts';
import type { ObjectMeta, OwnerReference } from '../types.gen.ts';
import { byteLength, Findings } from './findings.ts';
import type { Kind } from './kind.ts';

const totalAnnotationBytes = 256 * 1024;
const managerMaxBytes = 128;
const subresourceMaxBytes = 256;

/** Metadata of a new object; its name has been generated already if it was to be. */
export function validateObjectMeta(object: KubeObject, kind: Kind): FieldError[] {
  const found = new Findings();
  const meta = object.metadata;
  const rule = kind.validateName ?? dns1123Subdomain;
  if (meta.generateName) found.invalid('metadata.generateName', meta.generateName, prefixOf(rule)(meta.generateName));
  if (!meta.name) found.required('metadata.name', 'name or generateName is required');
  else {
    const own = rule(meta.name);
    // Whatever the kind's rule allows, a name must fit in a path.
    found.invalid('metadata.name', meta.name, own.length > 0 ? own : pathSegmentName(meta.name));
  }
  if (kind.namespaced) {
    if (!meta.namespace) found.required('metadata.namespace');
    else found.invalid('metadata.namespace', meta.namespace, dns1123Label(meta.namespace));
  } else if (meta.namespace) found.forbidden('metadata.namespace', 'not allowed on this type');
  found.nonNegative('metadata.generation', meta.generation);
  validateMaps(found, meta);
  validateFinalizers(found, meta.finalizers ?? []);
  validateManagedFields(found, meta);
  return found.errors;
}

/** Metadata of an update, against what stands in the store. */
export function validateObjectMetaUpdate(object: KubeObject, old: KubeObject): FieldError[] {
  const found = new Findings();
  const meta = object.metadata;
  const before = old.metadata;
  if (before.deletionTimestamp) {
    const extra = (meta.finalizers ?? []).filter((name) => !before.finalizers?.includes(name)).sort();
    if (extra.length > 0) {
      const list = `[]string{${extra.map(goQuote).join(', ')}}`;
      found.forbidden(
        'metadata.finalizers',
        `no new finalizers can be added if the object is being deleted, found new finalizers ${list}`,
      );
    }
  }
  if (!meta.resourceVersion) found.invalid('metadata.resourceVersion', '', 'must be specified for an update');
  if ((meta.generation ?? 0) < (before.generation ?? 0)) {
    found.invalid('metadata.generation', meta.generation ?? 0, 'must not be decremented');
  }
  const fixed = [
    'name',
    'namespace',
    'uid',
    'creationTimestamp',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
  ] as const;
  for (const field of fixed) found.unchanged(`metadata.${field}`, meta[field], before[field]);
  validateMaps(found, meta);
  validateManagedFields(found, meta);
  return found.errors;
}

function validateMaps(found: Findings, meta: ObjectMeta): void {
  validateLabels(found, 'metadata.labels', meta.labels);
  validateAnnotations(found, 'metadata.annotations', meta.annotations);
  validateOwnerReferences(found, meta.ownerReferences ?? []);
}

export function validateLabels(found: Findings, field: string, labels: Record<string, string> | undefined): void {
  found.add(labelErrors(labels, field));
}

export function validateAnnotations(
  found: Findings,
  field: string,
  annotations: Record<string, string> | undefined,
): void {
  let bytes = 0;
  for (const [key, value] of Object.entries(annotations ?? {})) {
    found.invalid(field, key, qualifiedName(key.toLowerCase()));
    bytes += byteLength(key) + byteLength(value);
  }
  if (bytes > totalAnnotationBytes) found.tooLong(field, totalAnnotationBytes);
}

function validateOwnerReferences(found: Findings, references: readonly OwnerReference[]): void {
  const field = 'metadata.ownerReferences';
  let controller = '';
  for (const reference of references) {
    const parts = (reference.apiVersion ?? '').split('/');
    if (parts.length > 2 || !parts.at(-1))
      found.invalid(`${field}.apiVersion`, reference.apiVersion ?? '', 'version must not be empty');
    for (const name of ['kind', 'name', 'uid'] as const) {
      if (!reference[name]) found.invalid(`${field}.${name}`, '', 'must not be empty');
    }
    if (reference.apiVersion === 'v1' && reference.kind === 'Event') {
      found.invalid(field, reference, '/v1, Kind=Event is disallowed from being an owner');
    }
    if (!reference.controller) continue;
    const current = `${reference.kind}/${reference.name}`;
    if (controller) {
      const why = `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${current}`;
      found.invalid(field, references, why);
    } else controller = current;
  }
}

/** Finalizers of Kubernetes itself have no domain; all others need one. */
const plainFinalizers = new Set(['kubernetes', 'orphan', 'foregroundDeletion']);

function validateFinalizers(found: Findings, finalizers: readonly string[]): void {
  const field = 'metadata.finalizers';
  for (const name of finalizers) found.invalid(field, name, qualifiedName(name));
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion')) {
    found.invalid(field, finalizers, 'finalizer orphan and foregroundDeletion cannot be both set');
  }
  for (const [i, name] of finalizers.entries()) {
    if (!name.includes('/') && !plainFinalizers.has(name)) {
      found.invalid(`${field}[${i}]`, name, 'name is neither a standard finalizer name nor is it fully qualified');
    }
  }
}

function validateManagedFields(found: Findings, meta: ObjectMeta): void {
  for (const [index, entry] of (meta.managedFields ?? []).entries()) {
    const field = `metadata.managedFields[${index}]`;
    if (entry.operation !== 'Apply' && entry.operation !== 'Update') {
      found.invalid(`${field}.operation`, entry.operation ?? '', 'must be `Apply` or `Update`');
    }
    if (entry.fieldsType && entry.fieldsType !== 'FieldsV1') {
      found.invalid(`${field}.fieldsType`, entry.fieldsType, 'must be `FieldsV1`');
    }
    if (byteLength(entry.manager ?? '') > managerMaxBytes) found.tooLong(`${field}.manager`, managerMaxBytes);
    if (byteLength(entry.subresource ?? '') > subresourceMaxBytes) {
      found.tooLong(`${field}.subresource`, subresourceMaxBytes);
    }
  }
}
