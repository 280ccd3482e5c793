// Metrics in the text form that Prometheus reads: counters, gauges and histograms by their labels, and values that are read when
// somebody asks. https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format

export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  labels?: Labels;
  value: number;
  /** When it was measured, milliseconds since the epoch; absent: now. */
  atMs?: number;
}

export interface Family {
  name: string;
  type: 'counter' | 'gauge';
  help: string;
  samples: readonly Sample[];
}

export const prometheusContentType = 'text/plain; version=0.0.4; charset=utf-8';

const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '"': '\\"', '\n': '\\n' };

const labelsText = (labels: Labels = {}): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}="${value.replace(/[\\"\n]/g, (char) => escapes[char]!)}"`)
    .join(',');

const line = (name: string, labels: string, value: number, atMs?: number): string =>
  `${name}${labels ? `{${labels}}` : ''} ${value}${atMs === undefined ? '' : ` ${Math.round(atMs)}`}`;

const head = (name: string, type: string, help: string): string[] => [
  `# HELP ${name} ${help.replace(/[\\\n]/g, (char) => escapes[char]!)}`,
  `# TYPE ${name} ${type}`,
];

const familyLines = ({ name, type, help, samples }: Family): string[] => [
  ...head(name, type, help),
  ...samples.map(({ labels, value, atMs }) => line(name, labelsText(labels), value, atMs)),
];

/** Families without samples are left out. */
export const prometheusText = (families: readonly Family[]): string =>
  families
    .filter(({ samples }) => samples.length > 0)
    .flatMap(familyLines)
    .map((text) => `${text}\n`)
    .join('');

/** Upper bounds that grow by a factor, as many as `count`. */
export const exponentialBuckets = (first: number, factor: number, count: number): number[] =>
  // Twelve digits: 0.004 is to be written as itself.
  Array.from({ length: count }, (_, step) => Number((first * factor ** step).toPrecision(12)));

interface Metric {
  lines(): string[];
}

/** One number: those that count often keep it. */
export class Cell {
  value = 0;

  add(by = 1): void {
    this.value += by;
  }
}

/** A number for each set of labels. */
class Numbers implements Metric {
  readonly #name: string;
  readonly #type: Family['type'];
  readonly #help: string;
  readonly #values = new Map<string, Cell>();

  constructor(name: string, type: Family['type'], help: string) {
    this.#name = name;
    this.#type = type;
    this.#help = help;
  }

  of(labels: Labels = {}): Cell {
    const key = labelsText(labels);
    let cell = this.#values.get(key);
    if (!cell) this.#values.set(key, (cell = new Cell()));
    return cell;
  }

  add(labels: Labels, by = 1): void {
    this.of(labels).add(by);
  }

  lines(): string[] {
    if (this.#values.size === 0) return [];
    const samples = [...this.#values].map(([labels, { value }]) => line(this.#name, labels, value));
    return [...head(this.#name, this.#type, this.#help), ...samples];
  }
}

export type Counter = Pick<Numbers, 'add' | 'of'>;

/** What was observed under one set of labels. */
export class Distribution {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;
  #count = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = bounds.map(() => 0);
  }

  observe(value: number): void {
    this.#sum += value;
    this.#count++;
    for (let bucket = 0; bucket < this.#bounds.length; bucket++) {
      if (value > this.#bounds[bucket]!) continue;
      this.#counts[bucket]!++;
      return;
    }
  }

  lines(name: string, labels: string): string[] {
    const within = (bound: string): string => `${labels}${labels ? ',' : ''}le="${bound}"`;
    let below = 0;
    const buckets = this.#bounds.map((bound, index) => {
      below += this.#counts[index]!;
      return line(`${name}_bucket`, within(String(bound)), below);
    });
    return [
      ...buckets,
      line(`${name}_bucket`, within('+Inf'), this.#count),
      line(`${name}_sum`, labels, this.#sum),
      line(`${name}_count`, labels, this.#count),
    ];
  }
}

class Histograms implements Metric {
  readonly #name: string;
  readonly #help: string;
  readonly #bounds: readonly number[];
  readonly #values = new Map<string, Distribution>();

  constructor(name: string, help: string, bounds: readonly number[]) {
    this.#name = name;
    this.#help = help;
    this.#bounds = bounds;
  }

  of(labels: Labels = {}): Distribution {
    const key = labelsText(labels);
    let found = this.#values.get(key);
    if (!found) this.#values.set(key, (found = new Distribution(this.#bounds)));
    return found;
  }

  observe(labels: Labels, value: number): void {
    this.of(labels).observe(value);
  }

  lines(): string[] {
    if (this.#values.size === 0) return [];
    const values = [...this.#values].flatMap(([labels, found]) => found.lines(this.#name, labels));
    return [...head(this.#name, 'histogram', this.#help), ...values];
  }
}

export type Histogram = Pick<Histograms, 'observe' | 'of'>;

/** All metrics of a process, or of one part of it, in the order in which they were made. */
export class MetricRegistry {
  readonly #metrics: Metric[] = [];

  counter(name: string, help: string): Counter {
    return this.#keep(new Numbers(name, 'counter', help));
  }

  /** Counts up and down. */
  gauge(name: string, help: string): Counter {
    return this.#keep(new Numbers(name, 'gauge', help));
  }

  /** `bounds`: upper ones of the buckets, ascending. */
  histogram(name: string, help: string, bounds: readonly number[]): Histogram {
    return this.#keep(new Histograms(name, help, bounds));
  }

  /** What is known elsewhere, read for each answer. */
  read(families: () => readonly Family[]): void {
    this.#keep({
      lines: () =>
        families()
          .filter(({ samples }) => samples.length > 0)
          .flatMap(familyLines),
    });
  }

  text(): string {
    return this.#metrics
      .flatMap((metric) => metric.lines())
      .map((text) => `${text}\n`)
      .join('');
  }

  #keep<T extends Metric>(metric: T): T {
    this.#metrics.push(metric);
    return metric;
  }
}
