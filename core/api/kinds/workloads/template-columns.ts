// The wide columns that all workloads share.

import type { Container, LabelSelector, PodTemplateSpec } from '../../types.gen.ts';
import type { TypedColumn } from '../build.ts';
import { formatLabels, formatSelector, wide } from '../columns.ts';

export const containerNames = (containers: readonly Container[] | undefined): string =>
  (containers ?? []).map((container) => container.name).join(',');

export const containerImages = (containers: readonly Container[] | undefined): string =>
  (containers ?? []).map((container) => container.image ?? '').join(',');

export function templateColumns<T>(template: (object: T) => PodTemplateSpec | undefined): TypedColumn<T>[] {
  return [
    wide<T>('Containers', (object) => containerNames(template(object)?.spec?.containers)),
    wide<T>('Images', (object) => containerImages(template(object)?.spec?.containers)),
  ];
}

export const selectorColumn = <T>(selector: (object: T) => LabelSelector | undefined): TypedColumn<T> =>
  wide<T>('Selector', (object) => formatSelector(selector(object)));

export const labelsColumn = <T>(labels: (object: T) => Record<string, string> | undefined): TypedColumn<T> =>
  wide<T>('Selector', (object) => formatLabels(labels(object)));
