// What is called of ECR, by name: a bundle that imports a whole client when it is needed holds the whole client.
export { ECRClient } from '@aws-sdk/client-ecr';
