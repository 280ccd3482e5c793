// The decision: which node takes a pod, or why none does. Pure: a snapshot in, a decision out.
// Follows https://kubernetes.io/docs/concepts/scheduling-eviction/kube-scheduler/
import type { LoadFilter } from './filters/filter.ts';
import type { LoadVerdict, NodeInfo, Verdict } from './node-info.ts';
import { type PodInfo, signatureOf } from './pod-info.ts';
import { dynamicFilters, dynamicScores, loadScores, staticFilters, staticScores } from './rules.ts';
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

function judge(pod: PodInfo, node: NodeInfo, snapshot: Snapshot): Verdict {
  const { imageEpoch } = snapshot;
  for (const [refusedBy, filter] of staticFilters.entries()) {
    const reason = filter.refuse(pod, node);
    if (reason !== undefined) return { refusedBy, reason, scores: [], imageEpoch, load: undefined };
  }
  const scores = staticScores.map((rule) => rule.score(pod, node, snapshot));
  return { refusedBy: -1, reason: '', scores, imageEpoch, load: undefined };
}

function verdictFor(pod: PodInfo, node: NodeInfo, snapshot: Snapshot, signature: number): Verdict {
  let verdict = node.verdicts.get(signature);
  if (!verdict || (verdict.imageEpoch !== snapshot.imageEpoch && verdict.refusedBy < 0)) {
    verdict = judge(pod, node, snapshot);
    node.verdicts.set(signature, verdict);
  }
  return verdict;
}

/** What the rules say of the node with what is on it now; asked again only once that has changed. */
function loadOf(filter: LoadFilter, pod: PodInfo, node: NodeInfo, verdict: Verdict): LoadVerdict {
  const { load } = verdict;
  if (load?.epoch === node.loadEpoch) return load;
  const refusals = filter.refuse(pod, node);
  let score = 0;
  if (!refusals) for (const rule of loadScores) score += rule.weight * rule.score(pod, node);
  verdict.load = { epoch: node.loadEpoch, refusals, score };
  return verdict.load;
}

interface Rule {
  name: string;
  check(node: NodeInfo, verdict: Verdict): readonly string[] | undefined;
}

/** Those that have something to say about the pod. */
const rulesFor = (pod: PodInfo, snapshot: Snapshot): Rule[] =>
  dynamicFilters.flatMap((filter) => {
    const { name } = filter;
    if ('refuse' in filter) return [{ name, check: (node, verdict) => loadOf(filter, pod, node, verdict).refusals }];
    const check = filter.prepare(pod, snapshot);
    return check ? [{ name, check }] : [];
  });

interface Found {
  nodes: NodeInfo[];
  verdicts: Verdict[];
  tried: number;
  refusals: Refusals;
}

function find(pod: PodInfo, snapshot: Snapshot): Found {
  const signature = snapshot.signatureId(signatureOf(pod));
  const rules = rulesFor(pod, snapshot);
  const wanted = nodesToFind(snapshot.nodes.length);
  const found: Found = { nodes: [], verdicts: [], tried: 0, refusals: new Refusals() };
  // The nodes named by the pod's affinity, or all from the start index round.
  const named = pod.nodeNames && [...pod.nodeNames].flatMap((name) => snapshot.node(name) ?? []);
  const candidates = named ?? snapshot.nodes;
  const start = named ? 0 : snapshot.startIndex;
  next: for (let i = 0; i < candidates.length && found.nodes.length < wanted; i++) {
    const node = candidates[(start + i) % candidates.length]!;
    found.tried++;
    const verdict = verdictFor(pod, node, snapshot, signature);
    if (verdict.refusedBy >= 0) {
      found.refusals.add(staticFilters[verdict.refusedBy]!.name, [verdict.reason]);
      continue;
    }
    for (const { name, check } of rules) {
      const reasons = check(node, verdict);
      if (!reasons) continue;
      found.refusals.add(name, reasons);
      continue next;
    }
    found.nodes.push(node);
    found.verdicts.push(verdict);
  }
  return found;
}

/** Room for one number a node, used again by each decision: as arrays of their own they would be memory outside the heap each time. */
const room = { totals: new Float64Array(128), raw: new Float64Array(128) };

function roomFor(count: number): typeof room {
  if (room.totals.length < count) {
    room.totals = new Float64Array(2 * count);
    room.raw = new Float64Array(2 * count);
  }
  return room;
}

function best(pod: PodInfo, snapshot: Snapshot, { nodes, verdicts }: Found): NodeInfo {
  const count = nodes.length;
  if (count === 1) return nodes[0]!;
  const { totals, raw } = roomFor(count);
  for (let i = 0; i < count; i++) totals[i] = verdicts[i]!.load?.score ?? 0;
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
  return nodes[drawHighest(totals, count, pod.lot)]!;
}

/** Of equals one by the pod's lot: pods spread, and the same state gives the same decision. */
function drawHighest(totals: Float64Array, count: number, lot: number): number {
  let highest = Number.NEGATIVE_INFINITY;
  let equals = 0;
  for (let i = 0; i < count; i++) {
    const total = totals[i]!;
    if (total > highest) {
      highest = total;
      equals = 0;
    }
    if (total === highest) equals++;
  }
  let at = 0;
  for (let skip = lot % equals; totals[at] !== highest || skip-- > 0; ) at++;
  return at;
}

export function schedule(snapshot: Snapshot, pod: PodInfo): Decision {
  const total = snapshot.nodes.length;
  if (total === 0) return { node: undefined, message: 'no nodes available to schedule pods', refusedBy: anyFilter };
  for (const filter of dynamicFilters) {
    const { name } = filter;
    const reason = 'refuse' in filter ? undefined : filter.refuseAll?.(pod, snapshot);
    if (reason === undefined) continue;
    return { node: undefined, message: `0/${total} nodes are available: ${reason}.`, refusedBy: new Set([name]) };
  }
  const found = find(pod, snapshot);
  if (found.nodes.length > 0) return { node: best(pod, snapshot, found).node.metadata.name, tried: found.tried };
  const message = found.refusals.message(total, total - found.tried);
  return { node: undefined, message, refusedBy: found.refusals.filters };
}

const anyFilter: ReadonlySet<string> = new Set([...staticFilters, ...dynamicFilters].map(({ name }) => name));
