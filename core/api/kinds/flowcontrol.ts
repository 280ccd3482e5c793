// https://kubernetes.io/docs/concepts/cluster-administration/flow-control/
import type { FlowSchema, PriorityLevelConfiguration } from '../types.gen.ts';
import type { Rules } from './build.ts';
import { ageColumn, nameColumn, text, typed } from './columns.ts';
import { validateFlowSchema, validatePriorityLevel } from './validate-flowcontrol.ts';

export const flowSchemaRules: Rules<FlowSchema> = {
  columns: [
    nameColumn,
    text('PriorityLevel', (schema) => schema.spec?.priorityLevelConfiguration?.name ?? ''),
    typed('MatchingPrecedence', 'string', (schema) => schema.spec?.matchingPrecedence ?? 0),
    text('DistinguisherMethod', (schema) => schema.spec?.distinguisherMethod?.type ?? '<none>'),
    ageColumn,
    text('MissingPL', (schema) => schema.status?.conditions?.find((c) => c.type === 'Dangling')?.status ?? '?'),
  ],
  resetMetaForStatus: true,
  setDefaults({ spec }) {
    if (spec) spec.matchingPrecedence ||= 1000;
  },
  validate: validateFlowSchema,
  validateUpdate: validateFlowSchema,
};

const none = '<none>';

export const priorityLevelRules: Rules<PriorityLevelConfiguration> = {
  columns: [
    nameColumn,
    text('Type', (level) => level.spec?.type ?? ''),
    typed('NominalConcurrencyShares', 'string', (level) => level.spec?.limited?.nominalConcurrencyShares ?? none),
    typed('Queues', 'string', (level) => level.spec?.limited?.limitResponse?.queuing?.queues ?? none),
    typed('HandSize', 'string', (level) => level.spec?.limited?.limitResponse?.queuing?.handSize ?? none),
    typed(
      'QueueLengthLimit',
      'string',
      (level) => level.spec?.limited?.limitResponse?.queuing?.queueLengthLimit ?? none,
    ),
    ageColumn,
  ],
  resetMetaForStatus: true,
  setDefaults({ spec }) {
    for (const part of [spec?.exempt, spec?.limited]) {
      if (!part) continue;
      part.nominalConcurrencyShares ??= part === spec?.exempt ? 0 : 30;
      part.lendablePercent ??= 0;
    }
    const queuing = spec?.limited?.limitResponse?.queuing;
    if (!queuing) return;
    queuing.handSize ||= 8;
    queuing.queues ||= 64;
    queuing.queueLengthLimit ||= 50;
  },
  validate: validatePriorityLevel,
  validateUpdate: validatePriorityLevel,
};
