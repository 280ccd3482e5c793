// The files of config map, secret, downward API and projected volumes.
import type {
  ConfigMap,
  DownwardAPIVolumeFile,
  KeyToPath,
  Secret,
  ServiceAccountTokenProjection,
  Volume,
  VolumeProjection,
} from '../../core/api/types.gen.ts';
import type { PodSources } from '../objects.ts';
import type { FieldContext } from '../pods/fields.ts';
import { fieldValue, resourceValue } from '../pods/fields.ts';
import type { Payload } from './atomic-writer.ts';

export interface PayloadContext {
  fields: FieldContext;
  sources: PodSources;
  /** A token for the pod's service account, from a cache that renews it in time. */
  token(projection: ServiceAccountTokenProjection): Promise<string>;
  /** The one user that all containers run as, if there is one: token files are theirs alone. */
  commonUser: number | undefined;
  fsGroup: number | undefined;
}

const defaultMode = 0o644;

type Entries = Map<string, Buffer | string>;

function configMapEntries(object: ConfigMap): Entries {
  const entries: Entries = new Map(Object.entries(object.data ?? {}));
  for (const [key, value] of Object.entries(object.binaryData ?? {})) entries.set(key, Buffer.from(value, 'base64'));
  return entries;
}

export const secretEntries = (object: Secret): Entries =>
  new Map(Object.entries(object.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64')]));

/** Keys to files: all of them, or those listed. */
function select(
  payload: Payload,
  what: string,
  entries: Entries,
  items: KeyToPath[] | undefined,
  mode: number,
  optional: boolean,
): void {
  if (!items?.length) {
    for (const [key, data] of entries) payload.set(key, { data, mode });
    return;
  }
  for (const item of items) {
    const data = entries.get(item.key);
    if (data !== undefined) payload.set(item.path, { data, mode: item.mode ?? mode });
    else if (!optional) throw new Error(`references non-existent ${what} key: ${item.key}`);
  }
}

function addDownward(
  payload: Payload,
  context: PayloadContext,
  items: DownwardAPIVolumeFile[] | undefined,
  mode: number,
): void {
  for (const item of items ?? []) {
    const data = item.fieldRef
      ? fieldValue(context.fields, item.fieldRef)
      : item.resourceFieldRef
        ? resourceValue(context.fields, item.resourceFieldRef.containerName ?? '', item.resourceFieldRef)
        : '';
    payload.set(item.path, { data, mode: item.mode ?? mode });
  }
}

function addConfigMap(
  payload: Payload,
  context: PayloadContext,
  name: string,
  items: KeyToPath[] | undefined,
  mode: number,
  optional: boolean,
): void {
  const namespace = context.fields.pod.metadata?.namespace ?? '';
  const object = context.sources.configMap(namespace, name);
  if (!object && !optional) throw new Error(`configmap "${name}" not found`);
  if (object) select(payload, 'config', configMapEntries(object), items, mode, optional);
}

function addSecret(
  payload: Payload,
  context: PayloadContext,
  name: string,
  items: KeyToPath[] | undefined,
  mode: number,
  optional: boolean,
): void {
  const namespace = context.fields.pod.metadata?.namespace ?? '';
  const object = context.sources.secret(namespace, name);
  if (!object && !optional) throw new Error(`secret "${name}" not found`);
  if (object) select(payload, 'secret', secretEntries(object), items, mode, optional);
}

async function addToken(
  payload: Payload,
  context: PayloadContext,
  projection: ServiceAccountTokenProjection,
  mode: number,
): Promise<void> {
  const owned = context.commonUser !== undefined || context.fsGroup !== undefined;
  payload.set(projection.path, {
    data: await context.token(projection),
    mode: owned ? 0o600 : mode,
    ...(context.commonUser !== undefined ? { uid: context.commonUser } : {}),
  });
}

async function addProjection(
  payload: Payload,
  context: PayloadContext,
  source: VolumeProjection,
  mode: number,
): Promise<void> {
  const { configMap, secret, downwardAPI, serviceAccountToken } = source;
  if (configMap)
    addConfigMap(payload, context, configMap.name ?? '', configMap.items, mode, configMap.optional ?? false);
  else if (secret) addSecret(payload, context, secret.name ?? '', secret.items, mode, secret.optional ?? false);
  else if (downwardAPI) addDownward(payload, context, downwardAPI.items, mode);
  else if (serviceAccountToken) await addToken(payload, context, serviceAccountToken, mode);
  else throw new Error(`projected volume source ${Object.keys(source).join(', ')} is not supported`);
}

/** Undefined: not a volume of files. Throws with the text that FailedMount events carry after the volume's name. */
export async function payloadOf(context: PayloadContext, volume: Volume): Promise<Payload | undefined> {
  const payload: Payload = new Map();
  const { configMap, secret, downwardAPI, projected } = volume;
  if (configMap) {
    addConfigMap(
      payload,
      context,
      configMap.name ?? '',
      configMap.items,
      configMap.defaultMode ?? defaultMode,
      configMap.optional ?? false,
    );
  } else if (secret) {
    addSecret(
      payload,
      context,
      secret.secretName ?? '',
      secret.items,
      secret.defaultMode ?? defaultMode,
      secret.optional ?? false,
    );
  } else if (downwardAPI) addDownward(payload, context, downwardAPI.items, downwardAPI.defaultMode ?? defaultMode);
  else if (projected) {
    for (const source of projected.sources ?? [])
      await addProjection(payload, context, source, projected.defaultMode ?? defaultMode);
  } else return undefined;
  return payload;
}

/** Whether the volume's files come from these objects; for live updates. */
export function usesObject(volume: Volume, changed: ReadonlySet<string>, namespace: string): boolean {
  const names = [
    volume.configMap?.name,
    volume.secret?.secretName,
    ...(volume.projected?.sources ?? []).flatMap((s) => [s.configMap?.name, s.secret?.name]),
  ];
  return names.some((name) => name !== undefined && changed.has(`${namespace}/${name}`));
}
