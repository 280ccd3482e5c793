// Labels and taints that a team gives its workers, beside those that a worker has by itself. Refused here is what the API would
// refuse when a worker registers: an instance that costs money and never becomes a node.
// https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/
// https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#noderestriction
import { labelValue, qualifiedName } from '../core/api/names.ts';
import { PropertyError } from './property-error.ts';

export interface WorkerTaint {
  key: string;
  value?: string;
  effect: string;
}

const effects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

const within = (domain: string, parent: string): boolean => domain === parent || domain.endsWith(`.${parent}`);
const domainOf = (key: string): string => (key.includes('/') ? key.slice(0, key.indexOf('/')) : '');

/** Labels that say where and what a worker is: it finds them out by itself. */
const ownLabels = ['node.kubernetes.io/instance-type', 'topology.k8s.aws/zone-id'];
/** The domains of Kubernetes' own in which a node may label itself. */
const openDomains = ['node.kubernetes.io', 'kubelet.kubernetes.io'];

function labelObjection(key: string): string | undefined {
  const domain = domainOf(key);
  if (ownLabels.includes(key)) return 'is set by each worker itself';
  const isKubernetes = within(domain, 'kubernetes.io') || within(domain, 'k8s.io');
  if (isKubernetes && !openDomains.some((open) => within(domain, open)))
    return `is in a domain of Kubernetes' own, in which nodes may not label themselves`;
  return undefined;
}

function refuseFindings(property: string, text: string, findings: readonly string[]): void {
  if (findings.length > 0) throw new PropertyError(`${property}: "${text}": ${findings[0]}`);
}

/** `key=value`, or `key` for an empty value. Throws PropertyError. */
export function readWorkerLabels(texts: readonly string[]): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const text of texts) {
    const [, key = '', value = ''] = /^([^=]*)=?(.*)$/s.exec(text)!;
    refuseFindings('workerLabels', text, [...qualifiedName(key), ...labelValue(value)]);
    const objection = Object.hasOwn(labels, key) ? 'is given twice' : labelObjection(key);
    if (objection) throw new PropertyError(`workerLabels: ${key} ${objection}`);
    labels[key] = value;
  }
  return labels;
}

/** `key=value:Effect` or `key:Effect`, as `kubectl taint` takes them. Throws PropertyError. */
export function readWorkerTaints(texts: readonly string[]): WorkerTaint[] {
  const taints: WorkerTaint[] = [];
  for (const text of texts) {
    const [, key = '', value, effect = ''] = /^([^=:]*)(?:=([^:]*))?:(.*)$/s.exec(text) ?? [];
    if (!effects.includes(effect))
      throw new PropertyError(`workerTaints: "${text}" is not KEY=VALUE:EFFECT with ${effects.join(', ')} as effect`);
    refuseFindings('workerTaints', text, [...qualifiedName(key), ...labelValue(value ?? '')]);
    if (within(domainOf(key), 'node.kubernetes.io'))
      throw new PropertyError(`workerTaints: ${key} says how a node is: the control plane sets and removes it`);
    if (taints.some((taint) => taint.key === key && taint.effect === effect))
      throw new PropertyError(`workerTaints: ${key}:${effect} is given twice`);
    taints.push({ key, ...(value ? { value } : {}), effect });
  }
  return taints;
}
