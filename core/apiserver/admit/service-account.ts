// Every pod runs as a service account of its namespace and finds that account's token mounted.
// Source: https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/
import { isMirrorPod, podReferences } from '../../api/pod-references.ts';
import type { Container, Pod, ServiceAccount, Volume } from '../../api/types.gen.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../server.ts';
import { type AdmissionDeps, concerns, podOf, readOnce, refusal, resourceOf } from './request.ts';

const defaultName = 'default';
const mountPath = '/var/run/secrets/kubernetes.io/serviceaccount';
const volumePrefix = 'kube-api-access-';
const rootCaConfigMap = 'kube-root-ca.crt';
/** Just over an hour: kube-apiserver knows by it that the bearer did not ask for an expiring token. */
const tokenExpirationSeconds = 3607;
const volumeMode = 0o644;
const enforceSecretsAnnotation = 'kubernetes.io/enforce-mountable-secrets';

/** In a namespace made a moment ago the controller may not have put the default account there yet. */
const defaultAccountAttempts = 10;
const retryDelayMs = 100;

export const serviceAccountPlugin = (deps: AdmissionDeps): AdmissionPlugin => ({
  name: 'ServiceAccount',
  async mutate(request) {
    if (!concerns(request, 'pods') || request.operation !== 'CREATE') return;
    const pod = podOf(request);
    if (!pod.spec) return;
    if (isMirrorPod(pod)) {
      checkMirrorPod(request, pod);
      return;
    }
    pod.spec.serviceAccountName ||= defaultName;
    pod.spec.serviceAccount = pod.spec.serviceAccountName;
    const account = await findAccount(deps, request, pod.spec.serviceAccountName);
    if (shouldAutomount(account, pod)) mountToken(pod, () => `${volumePrefix}${deps.ids.suffix(5)}`);
    if (!pod.spec.imagePullSecrets?.length && account.imagePullSecrets?.length) {
      pod.spec.imagePullSecrets = account.imagePullSecrets.map((ref) => ({ ...ref }));
    }
  },
  async validate(request) {
    const ephemeral = request.operation === 'UPDATE' && request.subresource === 'ephemeralcontainers';
    const created = request.operation === 'CREATE' && request.subresource === '';
    if (resourceOf(request) !== 'pods' || !(created || ephemeral)) return undefined;
    const pod = podOf(request);
    if (isMirrorPod(pod)) return undefined;
    const name = pod.spec?.serviceAccountName;
    if (!name) throw refusal(request, `no service account specified for pod ${request.namespace}/${request.name}`);
    checkSecrets(request, pod, await findAccount(deps, request, name));
    return undefined;
  },
});

async function findAccount(deps: AdmissionDeps, request: AdmissionRequest, name: string): Promise<ServiceAccount> {
  const { namespace } = request;
  const attempts = name === defaultName ? defaultAccountAttempts : 1;
  for (let attempt = 1; ; attempt++) {
    const found = await readOnce(deps.store, request, 'serviceaccounts', { namespace, name });
    if (found) return found as unknown as ServiceAccount;
    if (attempt >= attempts) break;
    await new Promise<void>((resolve) => deps.clock.after(retryDelayMs, resolve));
  }
  const why = `error looking up service account ${namespace}/${name}: serviceaccount "${name}" not found`;
  throw refusal(request, why);
}

const shouldAutomount = (account: ServiceAccount, pod: Pod): boolean =>
  pod.spec?.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true;

function mountToken(pod: Pod, newName: () => string): void {
  const spec = pod.spec!;
  const standing = spec.volumes?.find(({ name }) => name.startsWith(volumePrefix));
  const name = standing?.name ?? newName();
  let needed = false;
  const mountIn = (container: Container): void => {
    if (container.volumeMounts?.some((mount) => mount.mountPath === mountPath)) return;
    container.volumeMounts = [...(container.volumeMounts ?? []), { name, readOnly: true, mountPath }];
    needed = true;
  };
  spec.initContainers?.forEach(mountIn);
  spec.containers?.forEach(mountIn);
  if (needed && !standing) spec.volumes = [...(spec.volumes ?? []), tokenVolume(name)];
}

const tokenVolume = (name: string): Volume => ({
  name,
  projected: {
    defaultMode: volumeMode,
    sources: [
      { serviceAccountToken: { expirationSeconds: tokenExpirationSeconds, path: 'token' } },
      { configMap: { name: rootCaConfigMap, items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      {
        downwardAPI: {
          items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
        },
      },
    ],
  },
});

function checkMirrorPod(request: AdmissionRequest, pod: Pod): void {
  if (pod.spec?.serviceAccountName) throw refusal(request, 'a mirror pod may not reference service accounts');
  if (podReferences(pod).secrets.size > 0) throw refusal(request, 'a mirror pod may not reference secrets');
  const projectsToken = (pod.spec?.volumes ?? []).some(({ projected }) =>
    (projected?.sources ?? []).some(({ serviceAccountToken }) => serviceAccountToken),
  );
  if (projectsToken) throw refusal(request, 'a mirror pod may not use ServiceAccountToken volume projections');
}

/** An account may limit its pods to the secrets that it lists itself. */
function checkSecrets(request: AdmissionRequest, pod: Pod, account: ServiceAccount): void {
  if (account.metadata?.annotations?.[enforceSecretsAnnotation] !== 'true') return;
  const name = account.metadata.name;
  const mountable = new Set((account.secrets ?? []).map((ref) => ref.name));
  for (const { secret } of pod.spec?.volumes ?? []) {
    if (!secret || mountable.has(secret.secretName)) continue;
    const why = `volume with secret.secretName="${secret.secretName}" is not allowed because service account ${name} does not reference that secret`;
    throw refusal(request, why);
  }
  const spec = pod.spec;
  for (const container of [
    ...(spec?.initContainers ?? []),
    ...(spec?.containers ?? []),
    ...(spec?.ephemeralContainers ?? []),
  ]) {
    const kind = spec?.initContainers?.includes(container) ? 'init container' : 'container';
    for (const { name: variable, valueFrom } of container.env ?? []) {
      const ref = valueFrom?.secretKeyRef;
      if (!ref || mountable.has(ref.name)) continue;
      const why = `${kind} ${container.name} with envVar ${variable} referencing secret.secretName="${ref.name}" is not allowed because service account ${name} does not reference that secret`;
      throw refusal(request, why);
    }
  }
  const pullable = new Set((account.imagePullSecrets ?? []).map((ref) => ref.name));
  spec?.imagePullSecrets?.forEach((ref, i) => {
    if (pullable.has(ref.name)) return;
    const why = `imagePullSecrets[${i}].name="${ref.name}" is not allowed because service account ${name} does not reference that imagePullSecret`;
    throw refusal(request, why);
  });
}
