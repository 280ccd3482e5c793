// https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/horizontal-pod-autoscaler-v2/
import type { KubeObject } from '../../objects.ts';
import { canonicalQuantity } from '../../quantity.ts';
import type {
  AutoscalingV1HorizontalPodAutoscaler,
  AutoscalingV2HorizontalPodAutoscaler,
  AutoscalingV2MetricSpec,
  AutoscalingV2MetricStatus,
  HPAScalingRules,
  MetricTarget,
  MetricValueStatus,
} from '../../types.gen.ts';
import type { Rules } from '../build.ts';
import { ageColumn, nameColumn, text, typed } from '../columns.ts';
import { fromVersion1, toVersion1 } from './conversion.ts';
import { validateAutoscaler, validateAutoscalerUpdate } from './validate.ts';

type V1 = AutoscalingV1HorizontalPodAutoscaler;
type V2 = AutoscalingV2HorizontalPodAutoscaler;

const defaultCpuUtilization = 80;
const shownMetrics = 2;

const scaleUp = (): HPAScalingRules => ({
  stabilizationWindowSeconds: 0,
  selectPolicy: 'Max',
  policies: [
    { type: 'Pods', value: 4, periodSeconds: 15 },
    { type: 'Percent', value: 100, periodSeconds: 15 },
  ],
});

const scaleDown = (): HPAScalingRules => ({
  selectPolicy: 'Max',
  policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
});

const quantity = (value: string | number | undefined): string =>
  value === undefined ? '<unknown>' : canonicalQuantity(String(value));

const percent = (value: number | undefined, otherwise: string): string =>
  value === undefined ? otherwise : `${value}%`;

function valueCell(target: MetricTarget, current: MetricValueStatus | undefined): string {
  if (target.averageValue !== undefined)
    return `${quantity(current?.averageValue)}/${quantity(target.averageValue)} (avg)`;
  return `${quantity(current?.value)}/${quantity(target.value ?? '0')}`;
}

function resourceCell(name: string, target: MetricTarget, current: MetricValueStatus | undefined): string {
  if (target.averageValue !== undefined)
    return `${name}: ${quantity(current?.averageValue)}/${quantity(target.averageValue)}`;
  return `${name}: ${percent(current?.averageUtilization, '<unknown>')}/${percent(target.averageUtilization, '<auto>')}`;
}

function metricCell(spec: AutoscalingV2MetricSpec, status: AutoscalingV2MetricStatus | undefined): string {
  if (spec.external) return valueCell(spec.external.target, status?.external?.current);
  if (spec.object) return valueCell(spec.object.target, status?.object?.current);
  if (spec.pods) {
    return `${quantity(status?.pods?.current.averageValue)}/${quantity(spec.pods.target.averageValue ?? '0')}`;
  }
  if (spec.resource) return resourceCell(spec.resource.name, spec.resource.target, status?.resource?.current);
  if (spec.containerResource) {
    return resourceCell(spec.containerResource.name, spec.containerResource.target, status?.containerResource?.current);
  }
  return '<unknown type>';
}

function targetsCell(hpa: V2): string {
  const metrics = hpa.spec?.metrics ?? [];
  if (metrics.length === 0) return '<none>';
  const cells = metrics.map((metric, index) => metricCell(metric, hpa.status?.currentMetrics?.[index]));
  const shown = cells.slice(0, shownMetrics).join(', ');
  return cells.length > shownMetrics ? `${shown} + ${cells.length - shownMetrics} more...` : shown;
}

const columns: NonNullable<Rules<V2>['columns']> = [
  nameColumn,
  text('Reference', ({ spec }) => `${spec?.scaleTargetRef.kind}/${spec?.scaleTargetRef.name}`),
  text('Targets', targetsCell),
  text('MinPods', (hpa) => String(hpa.spec?.minReplicas ?? '<unset>')),
  typed('MaxPods', 'string', (hpa) => hpa.spec?.maxReplicas ?? 0),
  typed('Replicas', 'string', (hpa) => hpa.status?.currentReplicas ?? 0),
  ageColumn,
];

function setDefaults(hpa: V2): void {
  const spec = hpa.spec;
  if (!spec) return;
  spec.minReplicas ??= 1;
  if ((spec.metrics ?? []).length === 0) {
    const target = { type: 'Utilization', averageUtilization: defaultCpuUtilization };
    spec.metrics = [{ type: 'Resource', resource: { name: 'cpu', target } }];
  }
  if (spec.behavior) {
    spec.behavior.scaleUp = { ...scaleUp(), ...spec.behavior.scaleUp };
    spec.behavior.scaleDown = { ...scaleDown(), ...spec.behavior.scaleDown };
  }
}

export const autoscalerRules: Rules<V2> = {
  columns,
  setDefaults,
  newStatus: () => ({ desiredReplicas: 0, currentMetrics: null }),
  validate: validateAutoscaler,
  validateUpdate: validateAutoscalerUpdate,
};

const stored = (hpa: V1): V2 => fromVersion1(hpa as unknown as KubeObject) as unknown as V2;

function storedWithDefaults(hpa: V1): V2 {
  const converted = stored(hpa);
  setDefaults(converted);
  return converted;
}

export const autoscalerV1Rules: Rules<V1> = {
  columns: columns.map((column) => ({ ...column, cell: (hpa: V1, nowMs: number) => column.cell(stored(hpa), nowMs) })),
  fromStorage: toVersion1,
  toStorage(object) {
    const hpa = fromVersion1(object);
    setDefaults(hpa as unknown as V2);
    return hpa;
  },
  newStatus: () => ({ currentReplicas: 0, desiredReplicas: 0 }),
  setDefaults({ spec }) {
    if (spec) spec.minReplicas ??= 1;
  },
  validate: (hpa) => validateAutoscaler(storedWithDefaults(hpa)),
  validateUpdate: (hpa, old, subresource) =>
    validateAutoscalerUpdate(storedWithDefaults(hpa), stored(old), subresource),
};
