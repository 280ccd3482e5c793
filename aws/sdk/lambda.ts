// What is called of Lambda, by name: a bundle that imports a whole client when it is needed holds the whole client.
export {
  InvokeCommand,
  InvokeWithResponseStreamCommand,
  LambdaClient,
  PutFunctionConcurrencyCommand,
} from '@aws-sdk/client-lambda';
