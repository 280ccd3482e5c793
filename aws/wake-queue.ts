// A queue of delayed wishes to be woken. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
import type { AwsClients } from './clients.ts';

/** Sends a message that arrives after 0 to 900 seconds. */
export function wakeQueue(clients: Pick<AwsClients, 'sqs'>, url: string): (delaySeconds: number) => Promise<void> {
  return async (delaySeconds) => {
    const { SendMessageCommand } = await import('./sdk/sqs.ts');
    const client = await clients.sqs();
    await client.send(new SendMessageCommand({ QueueUrl: url, MessageBody: '{}', DelaySeconds: delaySeconds }));
  };
}
