// A container's environment from all its sources, in kubelet's order: services, envFrom, env (later ones win).
import type { EnvFromSource, EnvVar } from '../../core/api/types.gen.ts';
import type { AnyContainer } from '../../core/kubelet/containers.ts';
import type { PodSources } from '../objects.ts';
import { expand } from './expand.ts';
import type { FieldContext } from './fields.ts';
import { fieldValue, resourceValue } from './fields.ts';
import { serviceEnvironment } from './service-env.ts';

/** Something the container's configuration names is missing: CreateContainerConfigError with this message. */
export class ConfigError extends Error {}

const podText = (context: FieldContext): string => `${context.pod.metadata?.namespace}/${context.pod.metadata?.name}`;

function addFrom(context: FieldContext, sources: PodSources, from: EnvFromSource, into: Map<string, string>): void {
  const namespace = context.pod.metadata?.namespace ?? '';
  const prefix = from.prefix ?? '';
  if (from.configMapRef) {
    const name = from.configMapRef.name ?? '';
    const object = sources.configMap(namespace, name);
    if (!object && !from.configMapRef.optional) throw new ConfigError(`configmap "${name}" not found`);
    for (const [key, value] of Object.entries(object?.data ?? {})) into.set(prefix + key, value);
  }
  if (from.secretRef) {
    const name = from.secretRef.name ?? '';
    const object = sources.secret(namespace, name);
    if (!object && !from.secretRef.optional) throw new ConfigError(`secret "${name}" not found`);
    for (const [key, value] of Object.entries(object?.data ?? {})) {
      into.set(prefix + key, Buffer.from(value, 'base64').toString('utf8'));
    }
  }
}

/** Undefined: the variable is optional and there is nothing to set it to. */
function valueFrom(
  context: FieldContext,
  sources: PodSources,
  container: AnyContainer,
  variable: EnvVar,
): string | undefined {
  const { configMapKeyRef, secretKeyRef, fieldRef, resourceFieldRef } = variable.valueFrom!;
  const namespace = context.pod.metadata?.namespace ?? '';
  if (fieldRef) return fieldValue(context, fieldRef);
  if (resourceFieldRef) return resourceValue(context, container.name, resourceFieldRef);
  if (configMapKeyRef) {
    const name = configMapKeyRef.name ?? '';
    const object = sources.configMap(namespace, name);
    const value = object?.data?.[configMapKeyRef.key];
    if (value !== undefined || configMapKeyRef.optional) return value;
    if (!object) throw new ConfigError(`configmap "${name}" not found`);
    throw new ConfigError(`couldn't find key ${configMapKeyRef.key} in ConfigMap ${namespace}/${name}`);
  }
  if (secretKeyRef) {
    const name = secretKeyRef.name ?? '';
    const object = sources.secret(namespace, name);
    const value = object?.data?.[secretKeyRef.key];
    if (value !== undefined) return Buffer.from(value, 'base64').toString('utf8');
    if (secretKeyRef.optional) return undefined;
    if (!object) throw new ConfigError(`secret "${name}" not found`);
    throw new ConfigError(`couldn't find key ${secretKeyRef.key} in Secret ${namespace}/${name}`);
  }
  throw new ConfigError(
    `env ${variable.name} of pod ${podText(context)}: this valueFrom is not supported by this node`,
  );
}

/** Throws ConfigError. */
export function environment(context: FieldContext, sources: PodSources, container: AnyContainer): Map<string, string> {
  const services = serviceEnvironment(
    sources.services(),
    context.pod.metadata?.namespace ?? '',
    context.pod.spec?.enableServiceLinks !== false,
  );
  const result = new Map<string, string>();
  for (const from of container.envFrom ?? []) addFrom(context, sources, from, result);
  // `$(VAR)` sees services, envFrom and the variables before it.
  const visible = new Map([...services, ...result]);
  for (const variable of container.env ?? []) {
    const value = variable.valueFrom
      ? valueFrom(context, sources, container, variable)
      : expand(variable.value ?? '', visible);
    if (value === undefined) continue;
    visible.set(variable.name, value);
    result.set(variable.name, value);
  }
  for (const [name, value] of services) if (!result.has(name)) result.set(name, value);
  return result;
}
