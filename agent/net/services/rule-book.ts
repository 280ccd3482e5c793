// All services' rules, and the nft commands that lead from what was last taken to what is now: a changed endpoint is a chain with
// one rule and a few elements, however many services there are. Pure, but for what it remembers.
import { Pools } from './pools.ts';
import { noRules, type ServiceRules } from './service-rules.ts';
import { collections, freshTable, type NodeNetwork, tableName, toEndpoint } from './table.ts';

/** Before and after; undefined: not there. */
type Step<T> = [before: T | undefined, after: T | undefined];

interface Delta {
  chains: Map<string, Step<readonly string[]>>;
  affinitySets: Map<string, Step<true>>;
  /** By `collection element`; the value is the verdict, or the endpoint. */
  elements: Map<string, Step<string>>;
}

const nothing = noRules();

const emptyDelta = (): Delta => ({ chains: new Map(), affinitySets: new Map(), elements: new Map() });

/** UDP flows by what they were sent to: `address:port` of the endpoints that they may lead to. */
export type Flows = ReadonlyMap<string, ReadonlySet<string>>;

export class RuleBook {
  readonly #services = new Map<string, ServiceRules>();
  /** Two services may want one element (an endpoint that both lead to, an address of both): who came first has it. */
  readonly #claims = new Map<string, Map<string, string>>();
  readonly #pools = new Pools();
  #delta = emptyDelta();
  #flows = new Map<string, ReadonlySet<string>>();

  /** @param key `namespace/name`; `rules` undefined: the service is gone */
  replace(key: string, rules: ServiceRules | undefined): void {
    const before = this.#services.get(key) ?? nothing;
    const after = rules ?? nothing;
    const chains = [before.chains, after.chains, before.pools, after.pools].flatMap((map) => [...map.keys()]);
    for (const name of new Set(chains)) {
      // with session affinity a chain has rules of its own, without it a pool
      const old = before.chains.get(name) ?? poolRules(this.#pools, name);
      if (before.pools.has(name) || after.pools.has(name)) this.#fill(name, after.pools.get(name) ?? []);
      const now = after.chains.get(name) ?? poolRules(this.#pools, name);
      if (old?.join('\n') !== now?.join('\n')) note(this.#delta.chains, name, old, now);
    }
    for (const name of new Set([...before.affinitySets, ...after.affinitySets])) {
      const [old, now] = [before.affinitySets.has(name), after.affinitySets.has(name)];
      if (old !== now) note(this.#delta.affinitySets, name, old || undefined, now || undefined);
    }
    for (const element of both(before.elements, after.elements)) this.#claim(element, key, after.elements.get(element));
    for (const flow of both(before.flows, after.flows)) {
      if (text(before.flows.get(flow)) !== text(after.flows.get(flow)))
        this.#flows.set(flow, after.flows.get(flow) ?? new Set());
    }
    if (rules) this.#services.set(key, rules);
    else this.#services.delete(key);
  }

  #fill(name: string, targets: readonly string[]): void {
    for (const [number, [was, is]] of this.#pools.replace(name, targets))
      note(this.#delta.elements, elementOf(number), was, is);
  }

  #claim(element: string, key: string, verdict: string | undefined): void {
    const claims = this.#claims.get(element) ?? new Map<string, string>();
    const [before] = claims.values();
    if (verdict === undefined) claims.delete(key);
    else claims.set(key, verdict);
    if (claims.size > 0) this.#claims.set(element, claims);
    else this.#claims.delete(element);
    const [after] = claims.values();
    if (before !== after) note(this.#delta.elements, element, before, after);
  }

  /** What changed since the last `take` or `whole`; `commands` is empty when nothing did. */
  take(): { commands: string[]; flows: Flows } {
    const result = { commands: commandsOf(this.#delta), flows: this.#flows };
    this.#delta = emptyDelta();
    this.#flows = new Map();
    return result;
  }

  /** The whole table in place of whatever stands. */
  whole(node: NodeNetwork): { commands: string[]; flows: Flows } {
    const delta = emptyDelta();
    const flows = new Map(this.#flows);
    for (const rules of this.#services.values()) {
      for (const [name, chain] of rules.chains) delta.chains.set(name, [undefined, chain]);
      for (const name of rules.affinitySets) delta.affinitySets.set(name, [undefined, true]);
      for (const [flow, targets] of rules.flows) flows.set(flow, targets);
    }
    for (const [name, numbers] of this.#pools.all()) {
      for (const [number, target] of numbers) delta.elements.set(elementOf(number), [undefined, target]);
      delta.chains.set(name, [undefined, poolRules(this.#pools, name)]);
    }
    for (const [element, claims] of this.#claims) delta.elements.set(element, [undefined, [...claims.values()][0]]);
    this.#delta = emptyDelta();
    this.#flows = new Map();
    return { commands: [...freshTable(node), ...commandsOf(delta)], flows };
  }

  services(): Iterable<[key: string, rules: ServiceRules]> {
    return this.#services.entries();
  }
}

const elementOf = (number: number): string => `${collections.endpoints} ${number}`;

/** One number of the pool, at random, becomes the connection's mark. */
function poolRules(pools: Pools, name: string): string[] | undefined {
  const range = pools.range(name);
  return range && [`ct mark set numgen random mod ${range.count} offset ${range.first} goto ${toEndpoint}`];
}

const both = <V>(a: ReadonlyMap<string, V>, b: ReadonlyMap<string, V>): Set<string> =>
  new Set([...a.keys(), ...b.keys()]);
const text = (set: ReadonlySet<string> | undefined): string => (set ? [...set].join() : 'none');

/** Several changes in a row are one from the first's beginning to the last's end. */
function note<T>(steps: Map<string, Step<T>>, name: string, before: T | undefined, after: T | undefined): void {
  const standing = steps.get(name);
  const first = standing ? standing[0] : before;
  if (first === undefined && after === undefined) steps.delete(name);
  else steps.set(name, [first, after]);
}

/** In an order in which nothing refers to what is not there yet, or not any more: the file is one transaction. */
function commandsOf({ chains, affinitySets, elements }: Delta): string[] {
  const table = `ip ${tableName}`;
  const came = <T>(steps: Map<string, Step<T>>): string[] =>
    [...steps].filter(([, [before]]) => before === undefined).map(([name]) => name);
  const went = <T>(steps: Map<string, Step<T>>): string[] =>
    [...steps].filter(([, [, after]]) => after === undefined).map(([name]) => name);
  const stood = [...chains].filter(([, [before]]) => before !== undefined).map(([name]) => name);
  const changed = [...elements].filter(([, [before, after]]) => before !== after);
  const dropped = changed.filter(([, [before]]) => before !== undefined).map(([element]) => ({ element, verdict: '' }));
  const added = changed.flatMap(([element, [, after]]) => (after === undefined ? [] : { element, verdict: after }));
  return [
    ...came(affinitySets).map(
      (set) => `add set ${table} ${set} { type ipv4_addr; flags dynamic,timeout; size 65535; }`,
    ),
    ...came(chains).map((chain) => `add chain ${table} ${chain}`),
    ...elementCommands('delete', dropped),
    ...stood.map((chain) => `flush chain ${table} ${chain}`),
    ...[...chains].flatMap(([chain, [, after]]) => (after ?? []).map((rule) => `add rule ${table} ${chain} ${rule}`)),
    ...elementCommands('add', added),
    ...went(chains).map((chain) => `delete chain ${table} ${chain}`),
    ...went(affinitySets).map((set) => `delete set ${table} ${set}`),
  ];
}

/** Elements in one command: a line of nft stays readable, and a whole table needs few. */
const elementsPerCommand = 100;

function elementCommands(verb: 'add' | 'delete', all: readonly { element: string; verdict: string }[]): string[] {
  const byCollection = Map.groupBy(all, ({ element }) => element.slice(0, element.indexOf(' ')));
  return [...byCollection].flatMap(([collection, elements]) => {
    const texts = elements.map(({ element, verdict }) => {
      const key = element.slice(collection.length + 1);
      return verdict === '' ? key : `${key} : ${verdict}`;
    });
    const commands: string[] = [];
    for (let from = 0; from < texts.length; from += elementsPerCommand) {
      const part = texts.slice(from, from + elementsPerCommand).join(', ');
      commands.push(`${verb} element ip ${tableName} ${collection} { ${part} }`);
    }
    return commands;
  });
}
