// Counters of this API server in the Prometheus text form, under the names that kube-apiserver uses.
// Follows https://kubernetes.io/docs/reference/instrumentation/metrics/

/** Upper bounds in seconds. */
const buckets = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 5, 8, 15, 30, 60];

interface Histogram {
  counts: number[];
  sum: number;
  count: number;
}

const labelsText = (labels: Record<string, string>): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}="${value.replace(/[\\"\n]/g, (char) => (char === '\n' ? '\\n' : `\\${char}`))}"`)
    .join(',');

export class Metrics {
  readonly #requests = new Map<string, number>();
  readonly #durations = new Map<string, Histogram>();
  readonly #watches = new Map<string, number>();
  readonly #watchEvents = new Map<string, number>();
  readonly #writes = new Map<string, number>();

  /** `code`: the HTTP status; `seconds`: until the answer's head was ready. */
  request(
    labels: { verb: string; group: string; version: string; resource: string; subresource: string },
    code: number,
    seconds: number,
  ): void {
    const text = labelsText(labels);
    const key = `code="${code}",${text}`;
    this.#requests.set(key, (this.#requests.get(key) ?? 0) + 1);
    let histogram = this.#durations.get(text);
    if (!histogram) this.#durations.set(text, (histogram = { counts: buckets.map(() => 0), sum: 0, count: 0 }));
    histogram.sum += seconds;
    histogram.count++;
    const bucket = buckets.findIndex((bound) => seconds <= bound);
    if (bucket >= 0) histogram.counts[bucket]!++;
  }

  /** `by`: 1 when a watch starts, -1 when it ends. */
  watch(resource: string, by: 1 | -1): void {
    this.#watches.set(resource, (this.#watches.get(resource) ?? 0) + by);
  }

  watchEvents(resource: string, count: number): void {
    this.#watchEvents.set(resource, (this.#watchEvents.get(resource) ?? 0) + count);
  }

  /** The head of a resource moved. */
  storeChange(resource: string): void {
    this.#writes.set(resource, (this.#writes.get(resource) ?? 0) + 1);
  }

  text(): string {
    const lines: string[] = [];
    const family = (name: string, type: string, help: string): void => {
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
    };
    family('apiserver_request_total', 'counter', 'Requests answered, by verb, resource and code.');
    for (const [labels, count] of this.#requests) lines.push(`apiserver_request_total{${labels}} ${count}`);
    family('apiserver_request_duration_seconds', 'histogram', 'Time until an answer began, by verb and resource.');
    for (const [labels, { counts, sum, count }] of this.#durations) {
      let below = 0;
      for (const [i, bound] of buckets.entries()) {
        below += counts[i]!;
        lines.push(`apiserver_request_duration_seconds_bucket{${labels},le="${bound}"} ${below}`);
      }
      lines.push(`apiserver_request_duration_seconds_bucket{${labels},le="+Inf"} ${count}`);
      lines.push(`apiserver_request_duration_seconds_sum{${labels}} ${sum}`);
      lines.push(`apiserver_request_duration_seconds_count{${labels}} ${count}`);
    }
    family('apiserver_longrunning_requests', 'gauge', 'Watches that are open.');
    for (const [resource, count] of this.#watches)
      lines.push(`apiserver_longrunning_requests{verb="WATCH",resource="${resource}"} ${count}`);
    family('apiserver_watch_events_total', 'counter', 'Events sent to watchers.');
    for (const [resource, count] of this.#watchEvents)
      lines.push(`apiserver_watch_events_total{resource="${resource}"} ${count}`);
    family(
      'slipway_store_changes_total',
      'counter',
      'Times that the head of a resource was seen to move in the store.',
    );
    for (const [resource, count] of this.#writes)
      lines.push(`slipway_store_changes_total{resource="${resource}"} ${count}`);
    return `${lines.join('\n')}\n`;
  }
}
