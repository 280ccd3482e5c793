// What is called of SQS, by name: a bundle that imports a whole client when it is needed holds the whole client.
export { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
