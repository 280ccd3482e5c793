// A custom resource that CloudFormation calls itself waits for its answer at a URL of S3. Whatever happens is answered: a resource
// that says nothing holds a deployment up for an hour.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
import type { Log } from '../../core/ports.ts';
import type { SetupAnswer, SetupEvent } from './setup.ts';

/** What CloudFormation adds when it calls by itself, without the CDK Provider framework between. */
export interface DirectEvent extends SetupEvent {
  ResponseURL: string;
  StackId: string;
  RequestId: string;
  LogicalResourceId: string;
  PhysicalResourceId?: string;
}

export const isDirect = (event: SetupEvent): event is DirectEvent =>
  typeof (event as Partial<DirectEvent>).ResponseURL === 'string';

export interface Responding {
  work(event: SetupEvent): Promise<SetupAnswer>;
  fetch: (url: string, init: RequestInit) => Promise<Response>;
  log: Log;
}

/** CloudFormation takes 4 KB in all. */
const maxReasonLength = 1_000;

/** Throws an Error only when the answer itself cannot be given. */
export async function answerDirectly(event: DirectEvent, { work, fetch, log }: Responding): Promise<void> {
  const { StackId, RequestId, LogicalResourceId } = event;
  const asked = { StackId, RequestId, LogicalResourceId };
  let answer: object;
  try {
    answer = { Status: 'SUCCESS', ...asked, ...(await work(event)) };
  } catch (error) {
    log('error', 'setup-failed', { error: error instanceof Error ? error.stack : String(error) });
    const Reason = (error instanceof Error ? error.message : String(error)).slice(0, maxReasonLength);
    answer = { Status: 'FAILED', ...asked, PhysicalResourceId: event.PhysicalResourceId ?? RequestId, Reason };
  }
  // The URL is signed for a PUT without a content type.
  const response = await fetch(event.ResponseURL, {
    method: 'PUT',
    headers: { 'content-type': '' },
    body: JSON.stringify(answer),
  });
  if (!response.ok) throw new Error(`CloudFormation's URL answered ${response.status}`);
}
