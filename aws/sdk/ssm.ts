// What is called of Systems Manager, by name: a bundle that imports a whole client when it is needed holds the whole client.
export {
  DeleteParametersCommand,
  GetParameterCommand,
  GetParametersByPathCommand,
  PutParameterCommand,
  SSMClient,
} from '@aws-sdk/client-ssm';
