// Mistakes that the protocol must not make, made on purpose: each changes what a process asks, or what it hears.
import type { Op, Outcome, ScanPage, Steps } from '../../core/store/protocol/ops.ts';
import type { Revision } from '../../core/store/store.ts';
import type { Process } from './explore.ts';
import { resource } from './store-states.ts';

type Bend = (steps: Steps<unknown>) => Steps<unknown>;

export const bent = ({ name, tasks }: Process, bend: Bend): Process => ({
  name,
  tasks: tasks.map((task) => ({ ...task, run: (memory, say) => bend(task.run(memory, say)) })),
});

/** Hands on what is asked and heard, each as a function would have it. */
function* between<T>(steps: Steps<T>, hears: (op: Op, outcome: Outcome) => Outcome): Steps<T> {
  let step = steps.next();
  while (!step.done) step = steps.next(hears(step.value, yield step.value));
  return step.value;
}

/** Takes its revision before it looks at what stands. */
export function* takesFirst<T>(steps: Steps<T>): Steps<T> {
  let taken: Outcome | undefined = yield { do: 'take', resource, at: 0 };
  let step = steps.next();
  while (!step.done) {
    const isFirstTake = step.value.do === 'take' && taken?.ended === 'done';
    const outcome: Outcome = isFirstTake ? taken! : yield step.value;
    if (isFirstTake) taken = undefined;
    step = steps.next(outcome);
  }
  return step.value;
}

/** Believes that a write without an answer was done. */
export const believesLost = <T>(steps: Steps<T>): Steps<T> =>
  between(steps, (op, outcome) =>
    op.do === 'write' && outcome.ended === 'lost' ? { ended: 'done', value: { written: true } } : outcome,
  );

/** Does not see that objects are newer than what it has read of the log. */
export function replaysNothing<T>(steps: Steps<T>): Steps<T> {
  let taken: Revision = 0;
  return between(steps, (op, outcome) => {
    if (outcome.ended !== 'done') return outcome;
    if (op.do === 'counter') taken = (outcome.value as { taken: Revision }).taken;
    if (op.do !== 'scan') return outcome;
    const page = outcome.value as ScanPage;
    const slots = page.slots.map((slot) => ({ ...slot, revision: Math.min(slot.revision, taken) }));
    return { ended: 'done', value: { ...page, slots } };
  });
}

/** Goes on after a gap without sealing it, as if nothing could come there any more. */
export function* passesGaps<T>(steps: Steps<T>): Steps<T> {
  let step = steps.next();
  while (!step.done) {
    const op = step.value;
    const invented = (revision: Revision): Outcome => ({ ended: 'done', value: { kind: 'void', revision, at: 0 } });
    step = steps.next(op.do === 'void' ? invented(op.revision) : yield op);
  }
  return step.value;
}
