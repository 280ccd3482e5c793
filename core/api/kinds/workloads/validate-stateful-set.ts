import type { FieldError } from '../../errors.ts';
import { dns1123Label } from '../../names.ts';
import type { PodTemplateSpec, StatefulSet, StatefulSetSpec, Volume } from '../../types.gen.ts';
import { Findings, sameValue } from '../findings.ts';
import { isEmptySelector } from '../label-selector.ts';
import { validateTemplate } from '../pod/validate-spec.ts';
import { validateClaimSpec } from '../storage/validate-claim.ts';
import {
  amountOf,
  checkAtMost100Percent,
  checkCollisions,
  checkCounters,
  checkIntOrPercent,
  checkRunsForever,
  checkTemplateLabels,
  isReadable,
  validateSelector,
} from './validate-template.ts';

function validateStrategy(found: Findings, { updateStrategy: strategy }: StatefulSetSpec): void {
  const field = 'spec.updateStrategy';
  const rolling = strategy?.rollingUpdate;
  if (!strategy?.type) found.required(field);
  else if (strategy.type === 'OnDelete') {
    if (rolling) {
      const shown = { Partition: rolling.partition ?? 0, MaxUnavailable: rolling.maxUnavailable ?? null };
      found.invalid(`${field}.rollingUpdate`, shown, "only allowed for updateStrategy 'RollingUpdate'");
    }
  } else if (strategy.type !== 'RollingUpdate') {
    const shown = { Type: strategy.type, RollingUpdate: rolling ?? null };
    found.invalid(field, shown, "must be 'RollingUpdate' or 'OnDelete'");
  } else if (rolling) {
    found.nonNegative(`${field}.rollingUpdate.partition`, rolling.partition);
    const { maxUnavailable } = rolling;
    if (maxUnavailable === undefined) return;
    const at = `${field}.rollingUpdate.maxUnavailable`;
    checkIntOrPercent(found, at, maxUnavailable);
    if (amountOf(maxUnavailable) === 0) found.invalid(at, maxUnavailable, 'cannot be 0');
    checkAtMost100Percent(found, at, maxUnavailable);
  }
}

/** The template as its pods will have it: named by the set, with a claim for each claim template. */
function templateOfPods(spec: StatefulSetSpec): PodTemplateSpec {
  const claims = spec.volumeClaimTemplates ?? [];
  const { hostname: _hostname, subdomain: _subdomain, ...podSpec } = spec.template.spec ?? { containers: [] };
  const names = claims.map((claim) => claim.metadata?.name ?? '');
  const own = (podSpec.volumes ?? []).filter((volume) => !names.includes(volume.name));
  const claimed: Volume[] = [...new Set(names)].map((name) => ({ name, persistentVolumeClaim: { claimName: name } }));
  return { ...spec.template, spec: claims.length > 0 ? { ...podSpec, volumes: [...claimed, ...own] } : podSpec };
}

function validateSpec(found: Findings, spec: StatefulSetSpec, isNew: boolean): void {
  const management = spec.podManagementPolicy;
  if (!management) found.required('spec.podManagementPolicy');
  else if (management !== 'OrderedReady' && management !== 'Parallel') {
    found.invalid('spec.podManagementPolicy', management, "must be 'OrderedReady' or 'Parallel'");
  }
  validateStrategy(found, spec);
  for (const name of ['whenDeleted', 'whenScaled'] as const) {
    const policy = spec.persistentVolumeClaimRetentionPolicy?.[name] ?? '';
    if (policy === 'Retain' || policy === 'Delete') continue;
    found.unsupported(`spec.persistentVolumeClaimRetentionPolicy.${name}`, policy, ['Retain', 'Delete']);
  }
  if (isNew) {
    for (const [i, claim] of (spec.volumeClaimTemplates ?? []).entries()) {
      validateClaimSpec(found, `spec.volumeClaimTemplates[${i}].spec`, claim.spec ?? {});
    }
  }
  found.nonNegative('spec.replicas', spec.replicas);
  found.nonNegative('spec.minReadySeconds', spec.minReadySeconds);
  found.nonNegative('spec.ordinals.start', spec.ordinals?.start);
  if (isNew && spec.serviceName) found.invalid('spec.serviceName', spec.serviceName, dns1123Label(spec.serviceName));
  validateSelector(found, 'spec.selector', spec.selector, 'statefulset');
  if (!isReadable(spec.selector)) found.invalid('spec.selector', spec.selector, '');
  else {
    if (!isEmptySelector(spec.selector) || !spec.selector) {
      checkTemplateLabels(found, 'spec.template', spec.template, spec.selector);
    }
    validateTemplate(found, 'spec.template', templateOfPods(spec));
  }
  checkRunsForever(found, 'spec.template', spec.template, 'StatefulSet');
}

export function validateStatefulSet(sts: StatefulSet): FieldError[] {
  const found = new Findings();
  validateSpec(found, sts.spec!, true);
  return found.errors;
}

const mutable = [
  ...['replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit'],
  ...['persistentVolumeClaimRetentionPolicy', 'minReadySeconds'],
];
const onlyThese =
  "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";

const fixedPart = (spec: StatefulSetSpec | undefined) =>
  Object.fromEntries(Object.entries(spec ?? {}).filter(([name]) => !mutable.includes(name)));

export function validateStatefulSetUpdate(sts: StatefulSet, old: StatefulSet, subresource: string): FieldError[] {
  const found = new Findings();
  if (subresource === 'status') {
    const limited = ['readyReplicas', 'currentReplicas', 'updatedReplicas', 'availableReplicas'] as const;
    const status = sts.status ?? { replicas: 0 };
    checkCounters(found, status, ['replicas', ...limited, 'observedGeneration'], limited, 'status.readyReplicas');
    checkCollisions(found, sts.status, old.status);
    return found.errors;
  }
  validateSpec(found, sts.spec!, false);
  if (!sameValue(fixedPart(sts.spec), fixedPart(old.spec))) found.forbidden('spec', onlyThese);
  return found.errors;
}
