// What the real kube-apiserver answered, one file a scenario.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { accessScenarios } from './cases/access.ts';
import { admissionScenarios } from './cases/admission.ts';
import { kindScenarios } from './cases/kinds.ts';
import { lifecycleScenarios } from './cases/lifecycle.ts';
import { patchingScenarios } from './cases/patching.ts';
import { podScenarios } from './cases/pods.ts';
import { protocolScenarios } from './cases/protocol.ts';
import { validationScenarios } from './cases/validation.ts';
import { watchingScenarios } from './cases/watching.ts';
import type { Answer, Scenario } from './scenario.ts';

export const scenarios: readonly Scenario[] = [
  ...kindScenarios,
  ...protocolScenarios,
  ...validationScenarios,
  ...accessScenarios,
  ...admissionScenarios,
  ...patchingScenarios,
  ...lifecycleScenarios,
  ...podScenarios,
  ...watchingScenarios,
];

const folder = new URL('golden/', import.meta.url);
const fileOf = (scenario: Scenario) => new URL(`${scenario.name}.json`, folder);

export function readGolden(scenario: Scenario): Answer[] | undefined {
  const file = fileOf(scenario);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Answer[]) : undefined;
}

export function writeGolden(scenario: Scenario, answers: readonly Answer[]): void {
  mkdirSync(folder, { recursive: true });
  // One answer a line: a change of one answer shows as one line.
  writeFileSync(fileOf(scenario), `[\n${answers.map((answer) => JSON.stringify(answer)).join(',\n')}\n]\n`);
}
