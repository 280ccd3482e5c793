// What nodes and pods use (metrics.k8s.io), in the columns of metrics-server: what all containers use together, and over what time.
import { addQuantities, formatQuantity, type Quantity } from '../quantity.ts';
import type { NodeMetrics, PodMetrics } from '../types.gen.ts';
import type { Rules, TypedColumn } from './build.ts';
import { nameColumn, text } from './columns.ts';

type Amounts = Readonly<Record<string, string | number>>;

const amount = <T>(name: string, of: (object: T) => readonly Amounts[]): TypedColumn<T> => ({
  ...text<T>(name, (object) =>
    formatQuantity(
      of(object)
        .map((usage) => String(usage[name] ?? '0'))
        .reduce<Quantity | string>(addQuantities, '0') as Quantity,
    ),
  ),
  format: 'quantity',
});

const columns = <T extends { window: string }>(of: (object: T) => readonly Amounts[]): TypedColumn<T>[] => [
  nameColumn as TypedColumn<T>,
  amount('cpu', of),
  amount('memory', of),
  { ...text<T>('Window', ({ window }) => window), format: 'duration' },
];

export const nodeMetricsRules: Rules<NodeMetrics> = { columns: columns<NodeMetrics>(({ usage }) => [usage]) };
export const podMetricsRules: Rules<PodMetrics> = {
  columns: columns<PodMetrics>(({ containers }) => containers.map(({ usage }) => usage)),
};
