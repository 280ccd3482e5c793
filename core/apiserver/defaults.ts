// Defaults of a kind: those in the schema data, then those of the kind's own file.
import type { Kind } from '../api/kinds/kind.ts';
import type { KubeObject } from '../api/objects.ts';
import { applyDefaults } from '../api/schema/walker.ts';

/** Changes the object. */
export function applyKindDefaults(kind: Kind, object: KubeObject): void {
  applyDefaults(kind.schema, object);
  kind.setDefaults?.(object);
}
