// Config maps, secrets and namespaces.
import type { FieldError } from '../../errors.ts';
import { configMapKey, qualifiedName } from '../../names.ts';
import type { ConfigMap, Namespace, Secret } from '../../types.gen.ts';
import { byteLength, Findings, sameValue } from '../findings.ts';

const maxDataBytes = 1024 * 1024;
const frozen = 'field is immutable when `immutable` is set';
const serviceAccountName = 'kubernetes.io/service-account.name';

/** Bytes of what a base64 text stands for. */
const decodedLength = (text: string): number => Math.floor((text.replace(/=+$/, '').length * 3) / 4);

export function validateConfigMap(map: ConfigMap): FieldError[] {
  const found = new Findings();
  let bytes = 0;
  for (const [key, value] of Object.entries(map.data ?? {})) {
    found.invalid(`data[${key}]`, key, configMapKey(key));
    if (map.binaryData?.[key] !== undefined)
      found.invalid(`data[${key}]`, key, 'duplicate of key present in binaryData');
    bytes += byteLength(value);
  }
  for (const [key, value] of Object.entries(map.binaryData ?? {})) {
    found.invalid(`binaryData[${key}]`, key, configMapKey(key));
    bytes += decodedLength(value);
  }
  if (bytes > maxDataBytes) found.tooLong('[]', maxDataBytes);
  return found.errors;
}

export function validateConfigMapUpdate(map: ConfigMap, old: ConfigMap): FieldError[] {
  const found = new Findings();
  if (old.immutable) {
    if (!map.immutable) found.forbidden('immutable', frozen);
    if (!sameValue(map.data, old.data)) found.forbidden('data', frozen);
    if (!sameValue(map.binaryData, old.binaryData)) found.forbidden('binaryData', frozen);
  }
  found.add(validateConfigMap(map));
  return found.errors;
}

/** What the data of each type of secret must hold. */
const requiredKeys: Record<string, readonly string[]> = {
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
};

function jsonProblem(base64: string): string | undefined {
  const text = new TextDecoder().decode(Uint8Array.from(atob(base64), (char) => char.charCodeAt(0)));
  try {
    const value: unknown = JSON.parse(text);
    if (value === null || (typeof value === 'object' && !Array.isArray(value))) return undefined;
    const kind = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
    return `json: cannot unmarshal ${kind} into Go value of type map[string]interface {}`;
  } catch {
    if (text.trim() === '') return 'unexpected end of JSON input';
    return `invalid character '${text.trim().charAt(0)}' looking for beginning of value`;
  }
}

export function validateSecret(secret: Secret): FieldError[] {
  const found = new Findings();
  const data = secret.data ?? {};
  let bytes = 0;
  for (const [key, value] of Object.entries(data)) {
    found.invalid(`data[${key}]`, key, configMapKey(key));
    bytes += decodedLength(value);
  }
  if (bytes > maxDataBytes) found.tooLong('data', maxDataBytes);
  const type = secret.type ?? '';
  if (type === 'kubernetes.io/service-account-token' && !secret.metadata?.annotations?.[serviceAccountName]) {
    found.required(`metadata.annotations[${serviceAccountName}]`);
  }
  if (type === 'kubernetes.io/basic-auth' && data['username'] === undefined && data['password'] === undefined) {
    found.required('data[username]');
    found.required('data[password]');
  }
  for (const key of requiredKeys[type] ?? []) {
    const value = data[key];
    if (value === undefined || (type === 'kubernetes.io/ssh-auth' && value === '')) found.required(`data[${key}]`);
    else if (key.startsWith('.docker')) {
      const problem = jsonProblem(value);
      if (problem) found.invalid(`data[${key}]`, '<secret contents redacted>', problem);
    }
  }
  return found.errors;
}

export function validateSecretUpdate(secret: Secret, old: Secret): FieldError[] {
  const found = new Findings();
  found.unchanged('type', secret.type, old.type);
  if (old.immutable) {
    if (!secret.immutable) found.forbidden('immutable', frozen);
    if (!sameValue(secret.data, old.data)) found.forbidden('data', frozen);
  }
  found.add(validateSecret(secret));
  return found.errors;
}

const plainFinalizers = ['kubernetes', 'orphan', 'foregroundDeletion'];

function validateFinalizer(found: Findings, field: string, name: string): void {
  found.invalid(field, name, qualifiedName(name));
  if (!name.includes('/') && !plainFinalizers.includes(name)) {
    found.invalid(field, name, 'name is neither a standard finalizer name nor is it fully qualified');
  }
}

export function validateNamespace(namespace: Namespace): FieldError[] {
  const found = new Findings();
  for (const name of namespace.spec?.finalizers ?? []) validateFinalizer(found, 'spec.finalizers', name);
  return found.errors;
}

export function validateNamespaceUpdate(namespace: Namespace, _old: Namespace, subresource: string): FieldError[] {
  const found = new Findings();
  if (subresource === 'finalize') {
    for (const [i, name] of (namespace.spec?.finalizers ?? []).entries())
      validateFinalizer(found, `spec.finalizers[${i}]`, name);
  } else if (subresource === 'status') {
    const deleted = namespace.metadata?.deletionTimestamp !== undefined;
    const expected = deleted ? 'Terminating' : 'Active';
    const phase = namespace.status?.phase ?? '';
    const why = `may only be '${expected}' if \`deletionTimestamp\` is ${deleted ? 'not ' : ''}empty`;
    if (phase !== expected) found.invalid('status.Phase', phase, why);
  }
  return found.errors;
}
