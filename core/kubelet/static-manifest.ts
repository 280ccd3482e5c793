// A manifest file of a static pod to the pod that runs: decoded, defaulted and validated as the API would.
// https://kubernetes.io/docs/tasks/configure-pod-container/static-pod/
import { findKind } from '../api/kinds/index.ts';
import type { Kind } from '../api/kinds/kind.ts';
import { validateObjectMeta } from '../api/kinds/object-meta.ts';
import type { KubeObject } from '../api/objects.ts';
import { configSourceAnnotation, podReferences } from '../api/pod-references.ts';
import { applyDefaults, DecodeError, decode } from '../api/schema/walker.ts';
import { parseJson, parseYaml } from '../api/strict-json.ts';
import type { Pod } from '../api/types.gen.ts';
import { configHashAnnotation } from './static-pods.ts';

export interface ManifestContext {
  nodeName: string;
  /** Path of the file: two files that say the same are two pods. */
  file: string;
  /** Of a text; at least 32 hexadecimal digits. */
  hash(text: string): string;
}

/** What a static pod may not name, since it runs without the API; undefined: it names nothing. */
function apiReference(pod: Pod): string | undefined {
  const { serviceAccount, secrets, configMaps, claims } = podReferences(pod);
  if (serviceAccount) return 'serviceaccounts';
  if (secrets.size > 0) return 'secrets';
  if (configMaps.size > 0) return 'configmaps';
  if (pod.spec?.resourceClaims?.length) return 'resourceclaims';
  if (claims.size > 0) return 'persistentvolumeclaims';
  for (const volume of pod.spec?.volumes ?? []) {
    if (volume.csi) return 'csidrivers (via CSI volumes)';
    if (volume.glusterfs) return 'endpoints (via glusterFS volumes)';
    for (const source of volume.projected?.sources ?? []) {
      if (source.serviceAccountToken) return 'serviceaccounts (via projected volumes)';
      if (source.clusterTrustBundle) return 'clustertrustbundles';
      if (source.podCertificate) return 'podcertificates';
    }
  }
  return undefined;
}

/** Name, namespace and uid as a kubelet gives them; the pod stays on the node whatever becomes of it. */
function place(pod: Pod, { nodeName, file, hash }: ManifestContext): void {
  const metadata = pod.metadata!;
  metadata.uid ||= hash(`${JSON.stringify(pod)}host:${nodeName}file:${file}`).slice(0, 32);
  metadata.name = `${metadata.name}-${nodeName.toLowerCase()}`;
  metadata.namespace ||= 'default';
  metadata.annotations = {
    ...metadata.annotations,
    [configHashAnnotation]: metadata.uid,
    [configSourceAnnotation]: 'file',
  };
  const spec = pod.spec!;
  spec.nodeName = nodeName;
  const tolerated = spec.tolerations?.some((t) => !t.key && t.operator === 'Exists' && t.effect === 'NoExecute');
  if (!tolerated) spec.tolerations = [...(spec.tolerations ?? []), { operator: 'Exists', effect: 'NoExecute' }];
}

function decoded(text: string, kind: Kind): KubeObject {
  const { value } = text.trimStart().startsWith('{') ? parseJson(text) : parseYaml(text);
  const { apiVersion, kind: name } = (value ?? {}) as Partial<KubeObject>;
  if (apiVersion !== 'v1' || name !== 'Pod') throw new Error('it must be one Pod of apiVersion v1');
  try {
    return { ...decode(kind.schema, value).value, apiVersion, kind: name } as KubeObject;
  } catch (error) {
    if (error instanceof DecodeError) throw new Error(error.message);
    throw error;
  }
}

/** @param text YAML or JSON. Throws an Error that says what is wrong with it. */
export function staticPod(text: string, context: ManifestContext): Pod {
  const kind = findKind('', 'v1', 'pods');
  if (!kind) throw new Error('the kind of pods is not registered');
  const object = decoded(text, kind);
  const pod = object as Pod;
  if (!pod.metadata?.name) throw new Error('invalid pod: name is needed for the pod');
  if (!pod.spec) throw new Error('invalid pod: it has no spec');
  delete pod.status;
  place(pod, context);
  applyDefaults(kind.schema, object);
  kind.setDefaults?.(object);
  const findings = [...validateObjectMeta(object, kind), ...(kind.validate?.(object) ?? [])];
  if (findings.length > 0)
    throw new Error(`invalid pod: ${findings.map((f) => `${f.field}: ${f.message}`).join(', ')}`);
  const reference = apiReference(pod);
  if (reference) throw new Error(`static pods may not reference ${reference}`);
  return pod;
}
