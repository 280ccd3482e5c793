// Carries the steps of a protocol out: hands each operation to a database and its outcome back.
import type { Ports } from '../../ports.ts';
import type { Op, Outcome, Steps } from './ops.ts';

/** Does one operation (never 'wait'). Must not reject: an error whose effect is unknown is an outcome 'lost'. */
export type Execute = (op: Op) => Promise<Outcome>;

/** Resolves with what the steps return, rejects with what they throw. */
export async function run<T>(steps: Steps<T>, execute: Execute, { clock, log }: Ports): Promise<T> {
  let step = steps.next();
  while (!step.done) {
    const op = step.value;
    if (op.do === 'wait') {
      await new Promise<void>((resolve) => clock.after(op.ms, resolve));
      step = steps.next({ ended: 'done', value: undefined });
      continue;
    }
    const outcome = await execute(op);
    if (outcome.ended !== 'done') {
      const resource = 'resource' in op ? op.resource : '';
      log('warn', 'store operation', { do: op.do, resource, ended: outcome.ended, error: String(outcome.error) });
    }
    step = steps.next(outcome);
  }
  return step.value;
}
