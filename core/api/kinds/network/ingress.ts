import type { Ingress, IngressClass } from '../../types.gen.ts';
import type { Rules } from '../build.ts';
import { ageColumn, nameColumn, text } from '../columns.ts';
import {
  validateIngress,
  validateIngressClass,
  validateIngressClassUpdate,
  validateIngressUpdate,
} from './validate-ingress.ts';

const shownHosts = 3;

function hostsCell(ingress: Ingress): string {
  const rules = ingress.spec?.rules ?? [];
  const shown: string[] = [];
  let more = false;
  for (const { host } of rules) {
    if (shown.length === shownHosts) more = true;
    else if (host) shown.push(host);
  }
  if (shown.length === 0) return '*';
  return more ? `${shown.join(',')} + ${rules.length - shownHosts} more...` : shown.join(',');
}

function addressCell(ingress: Ingress): string {
  const points = (ingress.status?.loadBalancer?.ingress ?? []).map((point) => point.ip || point.hostname || '');
  return [...new Set(points.filter(Boolean))].sort().join(',');
}

const classAnnotation = 'kubernetes.io/ingress.class';

/** https://kubernetes.io/docs/reference/kubernetes-api/service-resources/ingress-v1/ */
export const ingressRules: Rules<Ingress> = {
  columns: [
    nameColumn,
    text('Class', (ingress) => ingress.spec?.ingressClassName ?? '<none>'),
    text('Hosts', hostsCell),
    text('Address', addressCell),
    text('Ports', (ingress) => ((ingress.spec?.tls ?? []).length > 0 ? '80, 443' : '80')),
    ageColumn,
  ],
  newStatus: () => ({ loadBalancer: {} }),
  warnings: ({ metadata, spec }, old) =>
    !old && metadata?.annotations?.[classAnnotation] !== undefined && spec?.ingressClassName === undefined
      ? [`annotation "${classAnnotation}" is deprecated, please use 'spec.ingressClassName' instead`]
      : [],
  validate: validateIngress,
  validateUpdate: validateIngressUpdate,
};

function parametersCell(ingressClass: IngressClass): string {
  const parameters = ingressClass.spec?.parameters;
  if (!parameters) return '<none>';
  const group = parameters.apiGroup === undefined ? '' : `.${parameters.apiGroup}`;
  return `${parameters.kind}${group}/${parameters.name}`;
}

const isDefaultClass = 'ingressclass.kubernetes.io/is-default-class';

export const ingressClassRules: Rules<IngressClass> = {
  columns: [
    {
      ...nameColumn,
      cell: ({ metadata }) =>
        `${metadata?.name}${metadata?.annotations?.[isDefaultClass] === 'true' ? ' (default)' : ''}`,
    },
    text('Controller', (ingressClass) => ingressClass.spec?.controller ?? ''),
    text('Parameters', parametersCell),
    ageColumn,
  ],
  setDefaults(ingressClass) {
    if (ingressClass.spec?.parameters) ingressClass.spec.parameters.scope ??= 'Cluster';
  },
  validate: validateIngressClass,
  validateUpdate: validateIngressClassUpdate,
};
