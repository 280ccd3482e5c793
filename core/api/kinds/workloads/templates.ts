// Kinds that only keep a template or a revision of one.
import type { ControllerRevision, PodTemplate } from '../../types.gen.ts';
import type { Rules } from '../build.ts';
import { ageColumn, formatLabels, nameColumn, text, typed } from '../columns.ts';
import { defaultTemplate } from '../pod/defaults.ts';
import { containerImages, containerNames } from './template-columns.ts';

export const podTemplateRules: Rules<PodTemplate> = {
  columns: [
    nameColumn,
    text('Containers', (t) => containerNames(t.template?.spec?.containers)),
    text('Images', (t) => containerImages(t.template?.spec?.containers)),
    text('Pod Labels', (t) => formatLabels(t.template?.metadata?.labels)),
  ],
  generation: (t) => t.template,
  setDefaults(t) {
    t.template ??= {};
    defaultTemplate(t.template);
  },
};

function controllerCell(revision: ControllerRevision): string {
  const owner = revision.metadata?.ownerReferences?.find((reference) => reference.controller);
  if (!owner) return '<none>';
  const group = owner.apiVersion.includes('/') ? `.${owner.apiVersion.split('/')[0]}` : '';
  return `${owner.kind.toLowerCase()}${group}/${owner.name}`;
}

export const controllerRevisionRules: Rules<ControllerRevision> = {
  columns: [
    nameColumn,
    text('Controller', controllerCell),
    typed('Revision', 'string', (r) => r.revision ?? 0),
    ageColumn,
  ],
};
