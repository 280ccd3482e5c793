// Config maps, secrets and service accounts.
import type { ConfigMap, Secret, ServiceAccount } from '../../types.gen.ts';
import type { Rules } from '../build.ts';
import { ageColumn, nameColumn, text, typed } from '../columns.ts';
import { validateConfigMap, validateConfigMapUpdate, validateSecret, validateSecretUpdate } from './validate-config.ts';

/** https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/config-map-v1/ */
export const configMapRules: Rules<ConfigMap> = {
  columns: [
    nameColumn,
    typed('Data', 'string', (map) => Object.keys(map.data ?? {}).length + Object.keys(map.binaryData ?? {}).length),
    ageColumn,
  ],
  validate: validateConfigMap,
  validateUpdate: validateConfigMapUpdate,
};

const toBase64 = (value: string): string => {
  let binary = '';
  for (const byte of new TextEncoder().encode(value)) binary += String.fromCharCode(byte);
  return btoa(binary);
};

/** https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/secret-v1/ */
export const secretRules: Rules<Secret> = {
  fieldLabels: { type: (secret) => secret.type },
  columns: [
    nameColumn,
    text('Type', (secret) => secret.type ?? ''),
    typed('Data', 'string', (secret) => Object.keys(secret.data ?? {}).length),
    ageColumn,
  ],
  setDefaults(secret) {
    secret.type ||= 'Opaque';
    // stringData is for writing only.
    if (!secret.stringData) return;
    const encoded = Object.entries(secret.stringData).map(([key, value]) => [key, toBase64(value)]);
    if (encoded.length > 0) secret.data = { ...secret.data, ...Object.fromEntries(encoded) };
    delete secret.stringData;
  },
  validate: validateSecret,
  validateUpdate: validateSecretUpdate,
};

/** https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/service-account-v1/ */
export const serviceAccountRules: Rules<ServiceAccount> = {
  columns: [nameColumn, ageColumn],
  prepareForCreate: keepSecretNames,
  prepareForUpdate: keepSecretNames,
  validate: () => [],
};

/** Of the references to secrets only the names count. */
function keepSecretNames(account: ServiceAccount): void {
  if (account.secrets) account.secrets = account.secrets.map(({ name }) => (name ? { name } : {}));
}
