// The decision: which node takes a pod, or why none does. Pure: a snapshot in, a decision out.
// Follows https://kubernetes.io/docs/concepts/scheduling-eviction/kube-scheduler/
import type { NodeInfo, StaticVerdict } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';
import { dynamicFilters, dynamicScores, staticFilters, staticScores } from './rules.ts';
import type { Normalize } from './scores/score.ts';
import type { Snapshot } from './snapshot.ts';

export type Decision =
  /** `tried`: how many nodes were looked at, for the next search to begin after. */
  | { node: string; tried: number }
  /** `message` as users know it; `refusedBy`: the filters whose events may help. */
  | { node: undefined; message: string; refusedBy: ReadonlySet<string> };

/** Up to this many nodes, all are looked at. */
const SEARCH_ALL_UP_TO = 100;
const LEAST_PERCENTAGE = 5;

/** With many nodes, good enough soon is better than best late: kube-scheduler's adaptive percentageOfNodesToScore. */
export function nodesToFind(total: number): number {
  if (total < SEARCH_ALL_UP_TO) return total;
  const percentage = Math.max(50 - Math.floor(total / 125), LEAST_PERCENTAGE);
  return Math.max(Math.floor((total * percentage) / 100), SEARCH_ALL_UP_TO);
}

class Refusals {
  readonly counts = new Map<string, number>();
  readonly filters = new Set<string>();
  add(filter: string, reasons: readonly string[]): void {
    this.filters.add(filter);
    for (const reason of reasons) this.counts.set(reason, (this.counts.get(reason) ?? 0) + 1);
  }
  message(total: number, absent: number): string {
    if (absent > 0) this.add('NodeAffinity', Array(absent).fill("node(s) didn't match Pod's node affinity/selector"));
    const reasons = [...this.counts].map(([reason, count]) => `${count} ${reason}`).sort();
    return `0/${total} nodes are available: ${reasons.join(', ')}.`;
  }
}

function judge(pod: PodInfo, node: NodeInfo, snapshot: Snapshot): StaticVerdict {
  const { imageEpoch } = snapshot;
  for (const [refusedBy, filter] of staticFilters.entries()) {
    const reason = filter.refuse(pod, node);
    if (reason !== undefined) return { refusedBy, reason, scores: [], imageEpoch };
  }
  return { refusedBy: -1, reason: '', scores: staticScores.map((s) => s.score(pod, node, snapshot)), imageEpoch };
}

function verdictFor(pod: PodInfo, node: NodeInfo, snapshot: Snapshot, signature: number): StaticVerdict {
  let verdict = node.verdicts.get(signature);
  if (!verdict || (verdict.imageEpoch !== snapshot.imageEpoch && verdict.refusedBy < 0)) {
    verdict = judge(pod, node, snapshot);
    node.verdicts.set(signature, verdict);
  }
  return verdict;
}

interface Found {
  nodes: NodeInfo[];
  verdicts: StaticVerdict[];
  tried: number;
  refusals: Refusals;
}

/** The nodes named by the pod's affinity, or all from the start index round. */
function* candidates(pod: PodInfo, snapshot: Snapshot): Generator<NodeInfo> {
  const { nodes, startIndex } = snapshot;
  if (pod.nodeNames) {
    for (const name of pod.nodeNames) {
      const node = snapshot.node(name);
      if (node) yield node;
    }
    return;
  }
  for (let i = 0; i < nodes.length; i++) yield nodes[(startIndex + i) % nodes.length]!;
}

function find(pod: PodInfo, snapshot: Snapshot): Found {
  const signature = snapshot.signatureId(pod.signature);
  const rules = dynamicFilters.flatMap((filter) => {
    const check = filter.prepare(pod, snapshot);
    return check ? [{ name: filter.name, check }] : [];
  });
  const wanted = nodesToFind(snapshot.nodes.length);
  const found: Found = { nodes: [], verdicts: [], tried: 0, refusals: new Refusals() };
  next: for (const node of candidates(pod, snapshot)) {
    found.tried++;
    const verdict = verdictFor(pod, node, snapshot, signature);
    if (verdict.refusedBy >= 0) {
      found.refusals.add(staticFilters[verdict.refusedBy]!.name, [verdict.reason]);
      continue;
    }
    for (const { name, check } of rules) {
      const reasons = check(node);
      if (!reasons) continue;
      found.refusals.add(name, reasons);
      continue next;
    }
    found.nodes.push(node);
    found.verdicts.push(verdict);
    if (found.nodes.length >= wanted) break;
  }
  return found;
}

function best(pod: PodInfo, snapshot: Snapshot, { nodes, verdicts }: Found): NodeInfo {
  const count = nodes.length;
  if (count === 1) return nodes[0]!;
  const totals = new Float64Array(count);
  const raw = new Float64Array(count);
  const addUp = (weight: number, normalize: Normalize | undefined): void => {
    normalize?.(raw, count);
    for (let i = 0; i < count; i++) totals[i]! += weight * raw[i]!;
  };
  for (const [index, { weight, normalize }] of staticScores.entries()) {
    for (let i = 0; i < count; i++) raw[i] = verdicts[i]!.scores[index]!;
    addUp(weight, normalize);
  }
  for (const { weight, prepare } of dynamicScores) {
    const rule = prepare(pod, snapshot, nodes);
    if (!rule) continue;
    for (let i = 0; i < count; i++) raw[i] = rule.score(nodes[i]!);
    addUp(weight, rule.normalize);
  }
  return nodes[drawHighest(totals, pod.lot)]!;
}

/** Of equals one by the pod's lot: pods spread, and the same state gives the same decision. */
function drawHighest(totals: Float64Array, lot: number): number {
  let highest = Number.NEGATIVE_INFINITY;
  let equals = 0;
  for (const total of totals) {
    if (total > highest) {
      highest = total;
      equals = 0;
    }
    if (total === highest) equals++;
  }
  let skip = lot % equals;
  return totals.findIndex((total) => total === highest && skip-- === 0);
}

export function schedule(snapshot: Snapshot, pod: PodInfo): Decision {
  const total = snapshot.nodes.length;
  if (total === 0) return { node: undefined, message: 'no nodes available to schedule pods', refusedBy: anyFilter };
  for (const { name, refuseAll } of dynamicFilters) {
    const reason = refuseAll?.(pod, snapshot);
    if (reason === undefined) continue;
    return { node: undefined, message: `0/${total} nodes are available: ${reason}.`, refusedBy: new Set([name]) };
  }
  const found = find(pod, snapshot);
  if (found.nodes.length > 0) return { node: best(pod, snapshot, found).node.metadata.name, tried: found.tried };
  const message = found.refusals.message(total, total - found.tried);
  return { node: undefined, message, refusedBy: found.refusals.filters };
}

const anyFilter: ReadonlySet<string> = new Set([...staticFilters, ...dynamicFilters].map(({ name }) => name));
