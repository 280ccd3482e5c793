// Carries out actions through the Client, and shows the caches what was written so that the next decision counts it.
import { isStatus } from '../api/errors.ts';
import type { KubeObject } from '../api/objects.ts';
import type { Client, ResourceRef } from '../client/client.ts';
import type { EventRecorder } from '../client/event-recorder.ts';
import type { Informers } from '../client/informers.ts';
import { resourceName } from '../client/resources.ts';
import type { Action, EventNote, Failure } from './controller.ts';

export interface ActContext {
  client: Client;
  informers: Informers;
  events: EventRecorder;
}

type Write = Extract<Action, { of: ResourceRef }>;

const isWrite = (action: Action): action is Write => 'of' in action;

/** Neighbours that may go side by side: all creates, or all deletes, of one resource. */
function* batches(actions: readonly Action[]): Generator<Action[]> {
  let batch: Action[] = [];
  const kindOf = (action: Action): string =>
    action.do === 'create' || action.do === 'delete' ? `${action.do} ${resourceName(action.of)}` : '';
  for (const action of actions) {
    const first = batch[0];
    if (first && (kindOf(action) === '' || kindOf(first) !== kindOf(action))) {
      yield batch;
      batch = [];
    }
    batch.push(action);
  }
  if (batch.length > 0) yield batch;
}

/** Does all in order; returns what failed first (several when they went side by side). The rest was not tried. */
export async function act(actions: readonly Action[], context: ActContext): Promise<Failure[]> {
  for (const batch of batches(actions)) {
    // A slow start: when all would fail alike (quota), one attempt tells.
    for (let start = 0, size = 1; start < batch.length; start += size, size *= 2) {
      const failures: Failure[] = [];
      const one = async (action: Action): Promise<void> => {
        try {
          await perform(action, context);
        } catch (error) {
          failures.push({ action, error: error instanceof Error ? error : new Error(String(error)) });
        }
      };
      await Promise.all(batch.slice(start, start + size).map(one));
      if (failures.length > 0) return failures;
    }
  }
  return [];
}

async function perform(action: Action, context: ActContext): Promise<void> {
  if (action.do === 'event') tell(action, context);
  if (!isWrite(action)) return;
  const written = await write(action, context.client).catch((error: unknown) => {
    if (action.do === 'delete' && isStatus(error, 'NotFound')) return undefined;
    if (action.do === 'create' && isNamespaceGoing(error)) return undefined;
    throw error;
  });
  if (action.do === 'delete') context.informers.deletionAsked(action.of, action.key, action.options?.uid);
  else if (written?.metadata?.uid && written.metadata.resourceVersion && isSameKind(action, written)) {
    context.informers.wrote(action.of, written);
  }
  if (action.event) tell(action.event, context);
}

const tell = ({ about, type, reason, message }: EventNote, context: ActContext): void =>
  context.events.record(about, type, reason, message);

/** A namespace that is going takes nothing new, and never will: there is no point in trying again. */
const isNamespaceGoing = (error: unknown): boolean =>
  isStatus(error) && Boolean(error.details?.causes?.some((cause) => cause.reason === 'NamespaceTerminating'));

/** Some subresources answer with another kind (Scale, Eviction), which is not for the cache. */
const isSameKind = (action: Write, written: KubeObject): boolean => {
  if ('object' in action) return action.object.kind === written.kind;
  return action.do === 'patch' && (!action.subresource || action.subresource === 'status');
};

function write(action: Write, client: Client): Promise<KubeObject | undefined> {
  switch (action.do) {
    case 'create':
      return client.create(action.of, action.object);
    case 'update':
      return client.update(action.of, action.object, action.subresource ? { subresource: action.subresource } : {});
    case 'patch': {
      const { of, key, patch, type, subresource } = action;
      return client.patch(of, key, patch, subresource ? { type, subresource } : { type });
    }
    case 'delete':
      return client.delete(action.of, action.key, action.options).then(() => undefined);
  }
}
