// What is called of DynamoDB, by name: a bundle that imports a whole client when it is needed holds the whole client.
export { DynamoDBClient } from '@aws-sdk/client-dynamodb';
