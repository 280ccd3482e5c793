// The pods of an owner as the API has them, for when the cache may be behind.
import { controllerOf } from '../api/owners.ts';
import { formatSelector, labelSelectorRequirements } from '../api/selectors.ts';
import type { LabelSelector } from '../api/types.gen.ts';
import type { Client } from '../client/client.ts';
import { resources } from '../client/resources.ts';
import type { StoredPod } from './pod-state.ts';

/** Those that it controls, of those that its selector finds. Rejects with what the API answers. */
export async function listOwnedPods(
  { metadata: { namespace = '', uid } }: { metadata: { namespace?: string; uid: string } },
  selector: LabelSelector | undefined,
  client: Client,
): Promise<StoredPod[]> {
  const labelSelector = formatSelector(labelSelectorRequirements(selector) ?? []);
  const { items } = await client.list(resources.pods, { namespace, labelSelector });
  return items.filter((pod) => controllerOf(pod)?.uid === uid) as unknown as StoredPod[];
}
