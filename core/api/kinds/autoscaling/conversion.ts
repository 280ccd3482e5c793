// autoscaling/v1 is a view of v2: one CPU target has a field of its own, all else that v1 lacks travels in annotations.
// https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#api-object
import type { KubeObject } from '../../objects.ts';

type Fields = Record<string, unknown>;
type Metric = Fields & { type: string };

const prefix = 'autoscaling.alpha.kubernetes.io/';
const annotations = {
  metrics: `${prefix}metrics`,
  currentMetrics: `${prefix}current-metrics`,
  behavior: `${prefix}behavior`,
  conditions: `${prefix}conditions`,
};

const part = (metric: Metric): string => metric.type.charAt(0).toLowerCase() + metric.type.slice(1);
const fieldsOf = (value: unknown): Fields => (value ?? {}) as Fields;
const defined = (fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([, v]) => v !== undefined));

const isCpuUtilization = (metric: Metric): boolean => {
  const resource = fieldsOf(metric['resource']);
  return (
    metric.type === 'Resource' &&
    resource['name'] === 'cpu' &&
    fieldsOf(resource['target'])['averageUtilization'] !== undefined
  );
};

/** How the numbers of a metric are called in v1: with "target" for a specification, "current" for a status. */
const numberNames = (metric: Metric, of: 'target' | 'current') => {
  if (metric.type === 'Object') return { value: `${of}Value`, averageValue: 'averageValue' };
  if (metric.type === 'External') return { value: `${of}Value`, averageValue: `${of}AverageValue` };
  return { averageUtilization: `${of}AverageUtilization`, averageValue: `${of}AverageValue` };
};

function metricToVersion1(metric: Metric, of: 'target' | 'current'): Metric {
  const source = fieldsOf(metric[part(metric)]);
  const identifier = fieldsOf(source['metric']);
  const numbers = fieldsOf(source[of]);
  const own = defined({
    name: source['name'],
    container: source['container'],
    target: source['describedObject'],
    metricName: identifier['name'],
    [metric.type === 'External' ? 'metricSelector' : 'selector']: identifier['selector'],
  });
  for (const [name, name1] of Object.entries(numberNames(metric, of)))
    if (numbers[name] !== undefined) own[name1] = numbers[name];
  return { type: metric.type, [part(metric)]: own };
}

function metricFromVersion1(metric: Metric, of: 'target' | 'current'): Metric {
  const source = fieldsOf(metric[part(metric)]);
  const numbers: Fields = {};
  for (const [name, name1] of Object.entries(numberNames(metric, of)))
    if (source[name1] !== undefined) numbers[name] = source[name1];
  if (of === 'target') {
    const type =
      numbers['averageUtilization'] !== undefined
        ? 'Utilization'
        : numbers['averageValue'] !== undefined
          ? 'AverageValue'
          : 'Value';
    numbers['type'] = type;
  }
  const name = source['metricName'];
  const identifier =
    name === undefined ? undefined : defined({ name, selector: source['selector'] ?? source['metricSelector'] });
  const own = defined({
    name: source['name'],
    container: source['container'],
    describedObject: source['target'],
    metric: identifier,
    [of]: numbers,
  });
  return { type: metric.type, [part(metric)]: own };
}

/** The annotation of behaviour writes field names with a capital. */
const renameFields = (value: unknown, rename: (name: string) => string): unknown => {
  if (Array.isArray(value)) return value.map((item) => renameFields(item, rename));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [rename(name), renameFields(inner, rename)]));
};
const capital = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);
const small = (name: string): string => name.charAt(0).toLowerCase() + name.slice(1);

export function toVersion1(hpa: KubeObject): KubeObject {
  const spec = fieldsOf(hpa['spec']);
  const status = fieldsOf(hpa['status']);
  const metrics = (spec['metrics'] ?? []) as Metric[];
  const current = (status['currentMetrics'] ?? []) as Metric[];
  const conditions = (status['conditions'] ?? []) as Fields[];
  const others = metrics.filter((metric) => !isCpuUtilization(metric));
  const cpu = metrics.find(isCpuUtilization);
  const cpuNow = current.find((metric) => metric.type === 'Resource' && fieldsOf(metric['resource'])['name'] === 'cpu');
  const utilization = (metric: Metric | undefined, of: string) =>
    fieldsOf(fieldsOf(fieldsOf(metric)['resource'])[of])['averageUtilization'];
  const extra: Record<string, string> = {};
  if (others.length > 0) extra[annotations.metrics] = JSON.stringify(others.map((m) => metricToVersion1(m, 'target')));
  if (current.length > 0)
    extra[annotations.currentMetrics] = JSON.stringify(current.map((m) => metricToVersion1(m, 'current')));
  if (spec['behavior']) extra[annotations.behavior] = JSON.stringify(renameFields(spec['behavior'], capital));
  if (conditions.length > 0) extra[annotations.conditions] = JSON.stringify(conditions);
  return {
    apiVersion: 'autoscaling/v1',
    kind: hpa.kind,
    metadata: withAnnotations(hpa, { ...withoutOurs(hpa), ...extra }),
    spec: defined({
      scaleTargetRef: spec['scaleTargetRef'],
      minReplicas: spec['minReplicas'],
      maxReplicas: spec['maxReplicas'],
      targetCPUUtilizationPercentage: utilization(cpu, 'target'),
    }),
    status: defined({
      observedGeneration: status['observedGeneration'],
      lastScaleTime: status['lastScaleTime'],
      currentReplicas: status['currentReplicas'] ?? 0,
      desiredReplicas: status['desiredReplicas'] ?? 0,
      currentCPUUtilizationPercentage: utilization(cpuNow, 'current'),
    }),
  };
}

function withoutOurs(hpa: KubeObject): Record<string, string> {
  const ours = new Set(Object.values(annotations));
  return Object.fromEntries(Object.entries(hpa.metadata.annotations ?? {}).filter(([name]) => !ours.has(name)));
}

function withAnnotations(hpa: KubeObject, all: Record<string, string>): KubeObject['metadata'] {
  const { annotations: _, ...metadata } = hpa.metadata;
  return Object.keys(all).length > 0 ? { ...metadata, annotations: all } : metadata;
}

/** What an annotation holds; one that cannot be read counts as absent. */
function parseAnnotation<T>(hpa: KubeObject, name: string): T | undefined {
  const written = hpa.metadata.annotations?.[name];
  if (written === undefined) return undefined;
  try {
    return JSON.parse(written) as T;
  } catch {
    return undefined;
  }
}

export function fromVersion1(hpa: KubeObject): KubeObject {
  const { targetCPUUtilizationPercentage: target, ...spec } = fieldsOf(hpa['spec']);
  const { currentCPUUtilizationPercentage: now, ...status } = fieldsOf(hpa['status']);
  const cpu = (of: string, numbers: Fields): Metric => ({ type: 'Resource', resource: { name: 'cpu', [of]: numbers } });
  const others = parseAnnotation<Metric[]>(hpa, annotations.metrics) ?? [];
  const metrics = others.map((metric) => metricFromVersion1(metric, 'target'));
  if (target !== undefined) metrics.push(cpu('target', { type: 'Utilization', averageUtilization: target }));
  const current = parseAnnotation<Metric[]>(hpa, annotations.currentMetrics)?.map((m) =>
    metricFromVersion1(m, 'current'),
  );
  const behavior = parseAnnotation<Fields>(hpa, annotations.behavior);
  const conditions = parseAnnotation<Fields[]>(hpa, annotations.conditions);
  return {
    apiVersion: 'autoscaling/v2',
    kind: hpa.kind,
    metadata: withAnnotations(hpa, withoutOurs(hpa)),
    spec: defined({
      ...spec,
      metrics: metrics.length > 0 ? metrics : undefined,
      behavior: behavior && renameFields(behavior, small),
    }),
    status: defined({
      ...status,
      currentMetrics: current ?? (now === undefined ? null : [cpu('current', { averageUtilization: now })]),
      conditions,
    }),
  };
}
