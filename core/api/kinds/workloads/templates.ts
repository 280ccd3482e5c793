// Kinds that only keep a template or a revision of one.
import type { FieldError } from '../../errors.ts';
import { controllerOf } from '../../owners.ts';
import type { ControllerRevision, PodTemplate } from '../../types.gen.ts';
import type { Rules } from '../build.ts';
import { ageColumn, formatLabels, nameColumn, text, typed } from '../columns.ts';
import { Findings } from '../findings.ts';
import { defaultTemplate } from '../pod/defaults.ts';
import { validateTemplate } from '../pod/validate-spec.ts';
import { templateWarnings } from '../pod/warnings.ts';
import { containerImages, containerNames } from './template-columns.ts';

function checkTemplate(template: PodTemplate): FieldError[] {
  const found = new Findings();
  validateTemplate(found, 'template', template.template ?? {});
  return found.errors;
}

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
  warnings: templateWarnings<PodTemplate>('template', (t) => t.template, false),
  validate: checkTemplate,
  validateUpdate: checkTemplate,
};

function checkRevision(revision: ControllerRevision): FieldError[] {
  const found = new Findings();
  found.nonNegative('revision', revision.revision);
  const data: unknown = revision.data;
  if (data === undefined || data === null) found.required('data', 'data is mandatory');
  else if (typeof data !== 'object' || Array.isArray(data)) found.required('data', 'data must be a valid JSON object');
  return found.errors;
}

function checkRevisionUpdate(revision: ControllerRevision, old: ControllerRevision): FieldError[] {
  const found = new Findings();
  found.nonNegative('revision', revision.revision);
  found.unchanged('data', revision.data, old.data);
  return found.errors;
}

function controllerCell(revision: ControllerRevision): string {
  const owner = controllerOf(revision);
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
  validate: checkRevision,
  validateUpdate: checkRevisionUpdate,
};
