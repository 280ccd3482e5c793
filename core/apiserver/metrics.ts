// What this API server counts, under the names that kube-apiserver uses.
// Follows https://kubernetes.io/docs/reference/instrumentation/metrics/
import type { Kind } from '../api/kinds/kind.ts';
import { type Cell, type Counter, type Distribution, type Histogram, MetricRegistry } from '../api/prometheus.ts';
import type { Resource } from '../store/store.ts';

/** Upper bounds in seconds. */
const requestBounds = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60,
];

const component = 'apiserver';

/** All but the code, which only the counter has. */
export interface RequestLabels {
  /** LIST, GET, POST ...; 'other' for methods that mean nothing here. */
  verb: string;
  dry_run: '' | 'All' | 'invalid';
  group: string;
  version: string;
  resource: string;
  subresource: string;
  scope: '' | 'resource' | 'namespace' | 'cluster';
}

type Watched = Pick<Kind, 'group' | 'version' | 'plural'>;

export class Metrics {
  readonly registry: MetricRegistry;
  readonly #requests: Counter;
  readonly #durations: Histogram;
  readonly #inflight: { mutating: Cell; readOnly: Cell };
  readonly #longRunning: Counter;
  readonly #watchEvents: Counter;
  readonly #storeChanges: Counter;
  /** Found by one text: every request is counted. */
  readonly #known = new Map<string, { total: Cell; seconds: Distribution }>();

  /** @param counts how many objects of each resource there are, where the store knows */
  constructor(registry = new MetricRegistry(), counts?: () => ReadonlyMap<Resource, number>) {
    this.registry = registry;
    this.#requests = registry.counter('apiserver_request_total', 'Requests answered, by verb, resource and code.');
    this.#durations = registry.histogram(
      'apiserver_request_duration_seconds',
      'Time until an answer began, by verb and resource.',
      requestBounds,
    );
    const inflight = registry.gauge('apiserver_current_inflight_requests', 'Requests that are being worked on.');
    this.#inflight = {
      mutating: inflight.of({ request_kind: 'mutating' }),
      readOnly: inflight.of({ request_kind: 'readOnly' }),
    };
    this.#longRunning = registry.gauge('apiserver_longrunning_requests', 'Watches that are open.');
    this.#watchEvents = registry.counter('apiserver_watch_events_total', 'Events sent to watchers.');
    this.#storeChanges = registry.counter(
      'slipway_store_changes_total',
      'Times that the head of a resource was seen to move in the store.',
    );
    if (counts) registry.read(() => objectFamilies(counts()));
  }

  /** `code`: the HTTP status; `seconds`: until the answer's head was ready. */
  request(labels: RequestLabels, code: number, seconds: number): void {
    const { verb, dry_run, group, version, resource, subresource, scope } = labels;
    const key = `${verb} ${dry_run} ${group} ${version} ${resource} ${subresource} ${scope} ${code}`;
    let found = this.#known.get(key);
    if (!found) {
      const all = { verb, dry_run, group, version, resource, subresource, scope, component };
      found = { total: this.#requests.of({ code: String(code), ...all }), seconds: this.#durations.of(all) };
      this.#known.set(key, found);
    }
    found.total.add();
    found.seconds.observe(seconds);
  }

  /** A request has come; returns what is to be called when its answer has begun. */
  begun(mutating: boolean): () => void {
    const inflight = mutating ? this.#inflight.mutating : this.#inflight.readOnly;
    inflight.add(1);
    return () => inflight.add(-1);
  }

  /** `by`: 1 when a watch begins, -1 when it ends. */
  watch({ group, version, plural }: Watched, scope: RequestLabels['scope'], by: 1 | -1): void {
    const labels = { verb: 'WATCH', group, version, resource: plural, subresource: '', scope, component };
    this.#longRunning.add(labels, by);
  }

  watchEvents({ group, version, plural }: Watched, count: number): void {
    this.#watchEvents.add({ group, version, resource: plural }, count);
  }

  /** The head of a resource moved. */
  storeChange(resource: Resource): void {
    this.#storeChanges.add({ resource });
  }

  text(): string {
    return this.registry.text();
  }
}

/** Under the new name and under the one that dashboards have. */
function objectFamilies(counts: ReadonlyMap<Resource, number>) {
  const help = 'Objects that are stored, by resource.';
  const type = 'gauge' as const;
  const split = (resource: Resource): { group: string; resource: string } => {
    const [plural = '', ...group] = resource.split('.');
    return { group: group.join('.'), resource: plural };
  };
  const all = [...counts];
  const samples = all.map(([resource, value]) => ({ labels: { resource }, value }));
  const grouped = all.map(([resource, value]) => ({ labels: split(resource), value }));
  return [
    { name: 'apiserver_storage_objects', type, help, samples },
    { name: 'apiserver_resource_objects', type, help, samples: grouped },
  ];
}
