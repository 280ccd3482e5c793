// Events that came with a node's sync, created as the node itself, which every node may do (ClusterRole system:node). Their names
// are the node's, so that a call that is repeated tells nothing twice.
import { isStatus, StatusError } from '../../api/errors.ts';
import { findKind } from '../../api/kinds/index.ts';
import { decodeParsed, expectedOf } from '../decode-body.ts';
import { applyKindDefaults } from '../defaults.ts';
import type { HandlerContext } from '../server.ts';
import { createObject } from '../verbs/create.ts';

/** One that is refused (its namespace went, it is there already), or that cannot be written, is lost: nothing else of the sync is. */
export async function writeEvents(
  { deps, user }: Pick<HandlerContext, 'deps' | 'user'>,
  events: readonly unknown[],
  fieldManager: string,
): Promise<void> {
  if (events.length === 0) return;
  const kind = findKind('', 'v1', 'events');
  if (!kind) throw new StatusError('InternalError', 'the kind of events is not registered');
  const write = async (value: unknown): Promise<void> => {
    const object = decodeParsed({ value }, expectedOf(kind), 'Ignore', []);
    applyKindDefaults(kind, object);
    const { namespace = '' } = object.metadata;
    const place = { namespace, name: '', subresource: '' };
    await createObject({ deps, user, kind, ...place, warnings: [], dryRun: false, fieldManager, options: {} }, object);
  };
  const lose = (error: unknown): void => {
    const expected = isStatus(error) && error.code < 500;
    deps.log(expected ? 'debug' : 'warn', 'event lost', { user: user.username, message: String(error) });
  };
  await Promise.all(events.map((event) => write(event).catch(lose)));
}
