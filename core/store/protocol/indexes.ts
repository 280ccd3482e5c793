// Indexes that a database keeps beside the objects, so that a node's pods are read without reading all pods.
import type { KubeObject } from '../../api/objects.ts';
import type { Resource } from '../store.ts';
import type { IndexValue } from './ops.ts';

/** The value that an object is found under; undefined when it is in no index. */
export function indexValueOf(resource: Resource, object: KubeObject): IndexValue | undefined {
  if (resource !== 'pods') return undefined;
  const node = (object['spec'] as { nodeName?: unknown } | undefined)?.nodeName;
  return typeof node === 'string' && node !== '' ? { name: 'node', value: node } : undefined;
}

export function hasIndexValue(resource: Resource, object: KubeObject, { name, value }: IndexValue): boolean {
  const has = indexValueOf(resource, object);
  return has?.name === name && has.value === value;
}
